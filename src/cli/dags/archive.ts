import { readdir, readFile, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { CliError, EXIT_CODES } from '../errors.js';

/** What Python, git and editors leave behind is no part of the DAGs. */
const LEFT_OUT = /(^|\/)(__pycache__|\.git|\.venv|node_modules)(\/|$)|\.py[co]$|~$|\.swp$/;

/**
 * Paths of the files in a folder, with `/`, sorted.
 * @throws CliError USAGE if there is no such folder or it is empty
 */
export async function dagFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true }).catch((error: unknown) => {
    throw new CliError(EXIT_CODES.USAGE, `${folder} is no folder that can be read.`, { cause: error });
  });
  const files: string[] = [];
  for (const entry of entries.map((name) => name.split(sep).join('/')).sort()) {
    if (!LEFT_OUT.test(entry) && (await stat(join(folder, entry))).isFile()) {
      files.push(entry);
    }
  }
  if (files.length === 0) {
    throw new CliError(EXIT_CODES.USAGE, `${folder} holds no file.`);
  }
  return files;
}

/** A tar archive of these files of a folder; links are followed. */
export async function tarOf(folder: string, files: readonly string[]): Promise<Buffer> {
  const archive = pack();
  const content = buffer(archive);
  for (const name of files) {
    archive.entry({ name, mode: 0o644 }, await readFile(join(folder, name)));
  }
  archive.finalize();
  return await content;
}

/** Airflow's own first look at a file: only what mentions both words is parsed for DAGs. */
export function mayHoldDag(path: string, content: string): boolean {
  return path.endsWith('.py') && /dag|asset/i.test(content) && /airflow/i.test(content);
}
