import { Counter, Gauge, type Registry } from 'prom-client';

/**
 * CPU, memory and start of the process, under the names that every Prometheus client gives them. prom-client's own set
 * has them, too, but its event loop and garbage collection collectors wake the process all the time.
 */
export class ProcessMetrics {
  private readonly cpu: Counter;
  private readonly memory: Gauge;
  private counted = 0;

  constructor(registry: Registry) {
    const registers = [registry];
    this.cpu = new Counter({ name: 'process_cpu_seconds_total', help: 'CPU time of the process', registers });
    this.memory = new Gauge({ name: 'process_resident_memory_bytes', help: 'Resident memory', registers });
    const help = 'When the process started, seconds since the epoch';
    new Gauge({ name: 'process_start_time_seconds', help, registers }).set(Date.now() / 1000 - process.uptime());
  }

  refresh(): void {
    const { user, system } = process.cpuUsage();
    const seconds = (user + system) / 1e6;
    this.cpu.inc(seconds - this.counted);
    this.counted = seconds;
    this.memory.set(process.memoryUsage.rss());
  }
}
