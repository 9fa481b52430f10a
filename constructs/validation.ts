import type { IConstruct } from 'constructs';

/** One thing that is wrong with the input, and what to do about it. */
export interface Problem {
  /** Path of the construct in the tree, e.g. `airflow/airflow/scheduler`. */
  readonly path: string;
  /** The prop, dotted when nested, e.g. `dags.repo`. */
  readonly prop: string;
  /** The value that was given. */
  readonly value: unknown;
  /** What it must be instead, as the rest of the sentence: `must be at least 1`. */
  readonly fix: string;
}

/**
 * Thrown by `app.synth()` when props are wrong: holds every problem of the whole app, not only the first.
 * @jsii ignore
 */
export class ValidationError extends Error {
  /** Every problem that was found, in the order of the construct tree's creation. */
  public readonly problems: Problem[];

  public constructor(problems: Problem[], others: string[] = []) {
    const lines = [...problems.map(describe), ...others];
    super(`${lines.length === 1 ? 'One problem' : `${lines.length} problems`} in the input:\n  ${lines.join('\n  ')}`);
    this.name = 'ValidationError';
    this.problems = problems;
  }
}

function describe(problem: Problem): string {
  const value: unknown = problem.value;
  const shown = value === undefined ? 'not set' : typeof value === 'object' ? JSON.stringify(value) : quoted(value);
  return `${problem.path}: '${problem.prop}' (${shown}) ${problem.fix}`;
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

const found = new WeakMap<IConstruct, Problem[]>();

/**
 * Notes a problem; it is thrown at synth, with all others.
 * Constructors do not throw, so that one run shows everything there is to fix.
 */
export function report(scope: IConstruct, prop: string, value: unknown, fix: string): void {
  const root = scope.node.root;
  let problems = found.get(root);
  if (!problems) {
    const all: Problem[] = [];
    problems = all;
    found.set(root, all);
    root.node.addValidation({
      validate: () => {
        // cdk8s would collect strings and throw a plain Error: take what other constructs say and throw the typed one.
        const others = root.node
          .findAll()
          .filter((construct) => construct !== root)
          .flatMap((construct) => construct.node.validate().map((message) => `${construct.node.path}: ${message}`));
        throw new ValidationError(all, others);
      },
    });
  }
  problems.push({ path: scope.node.path, prop, value, fix });
}

const taken = new WeakMap<IConstruct, Map<string, string>>();

/** Whether something else in this app has taken the key already: its path, or undefined. */
export function claimKey(scope: IConstruct, key: string): string | undefined {
  const { root, path } = scope.node;
  const keys = taken.get(root) ?? new Map<string, string>();
  taken.set(root, keys);
  const other = keys.get(key);
  if (other === undefined) keys.set(key, path);
  return other;
}

/** The checks that several constructs share. Each returns without a word when the value is fine or not set. */
export class Checks {
  public constructor(
    private readonly scope: IConstruct,
    private readonly prefix = '',
  ) {}

  public report(prop: string, value: unknown, fix: string): void {
    report(this.scope, this.prefix + prop, value, fix);
  }

  public integer(prop: string, value: number | undefined, min: number, max = Number.MAX_SAFE_INTEGER): void {
    if (value === undefined) return;
    if (!Number.isInteger(value)) this.report(prop, value, 'must be a whole number');
    else if (value < min) this.report(prop, value, `must be at least ${min}`);
    else if (value > max) this.report(prop, value, `must be at most ${max}`);
  }

  /** A label of RFC 1123: names of Services, containers, volumes and namespaces. */
  public dnsLabel(prop: string, value: string | undefined, max = 63): void {
    if (value === undefined) return;
    if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(value)) {
      this.report(
        prop,
        value,
        "must consist of lower-case letters, digits and '-', and begin and end with one of the first two",
      );
    } else if (value.length > max) {
      this.report(prop, value, `must be at most ${max} characters, this is ${value.length}`);
    }
  }

  /** A name of RFC 1123 with dots: Secrets, ConfigMaps, claims, storage classes. */
  public dnsName(prop: string, value: string | undefined): void {
    if (value === undefined) return;
    if (value.length > 253 || !/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(value)) {
      this.report(
        prop,
        value,
        "must be a Kubernetes object name: lower-case letters, digits, '-' and '.', at most 253 characters",
      );
    }
  }

  public notEmpty(prop: string, value: string | undefined, what: string): void {
    if (value?.trim() === '') this.report(prop, value, `must be ${what}`);
  }

  /** A path inside a volume or repository. */
  public subPath(prop: string, value: string | undefined): void {
    if (value === undefined) return;
    if (value.startsWith('/')) this.report(prop, value, "must be relative: leave out the leading '/'");
    else if (value.split('/').includes('..')) this.report(prop, value, "must not contain '..'");
    else if (value === '') this.report(prop, value, 'must not be empty: leave it out for the whole volume');
  }

  public absolutePath(prop: string, value: string | undefined): void {
    if (value === undefined) return;
    if (!value.startsWith('/') || value.split('/').includes('..')) {
      this.report(prop, value, "must be an absolute path without '..'");
    }
  }

  /** Labels: keys with an optional prefix, values of at most 63 characters. */
  public labels(prop: string, labels: { [key: string]: string } | undefined): void {
    for (const [key, value] of Object.entries(labels ?? {})) {
      if (!/^([a-z0-9][-a-z0-9.]*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/.test(key)) {
        this.report(
          prop,
          key,
          "must be a label key: letters, digits, '-', '_' and '.', at most 63, with or without a 'prefix/'",
        );
      }
      if (!/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/.test(value)) {
        this.report(
          `${prop}.${key}`,
          value,
          "must be a label value: letters, digits, '-', '_' and '.', at most 63 characters",
        );
      }
    }
  }

  /** Five fields of cron, or a word such as `@daily`. */
  public cron(prop: string, value: string | undefined): void {
    if (value === undefined) return;
    if (
      !/^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[-*/,0-9A-Za-z?]+( +[-*/,0-9A-Za-z?]+){4})$/.test(
        value,
      )
    )
      this.report(prop, value, "must have the five fields of cron, such as '0 0 * * 0', or be '@daily' or the like");
  }

  public envName(prop: string, value: string): void {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(value)) {
      this.report(prop, value, "must be the name of an environment variable: letters, digits and '_', no digit first");
    }
  }
}
