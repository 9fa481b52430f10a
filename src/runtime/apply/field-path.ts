/** One step into an object: a field, a position, or the item of a list that has these values. */
export type PathStep = string | number | Readonly<Record<string, string>>;

const STEP = /^(?:\.?([^.[\]]+)|\[(\d+)\]|\["?([^\]"=]+)"?\]|\[([^\]]*=[^\]]*)\])/;
const KEY = /([\w.-]+)="?([^",\]]*)"?/g;

/**
 * The steps of a path as the API server writes it, `spec.ports[0].name` or `.spec.ports[port=80].name`; pure. What is
 * not understood ends it.
 */
export function parseFieldPath(path: string): PathStep[] {
  const steps: PathStep[] = [];
  for (let rest = path; rest !== '';) {
    const found = STEP.exec(rest);
    if (found === null) {
      break;
    }
    const [all, field, position, quoted, keys] = found;
    if (position !== undefined) {
      steps.push(Number(position));
    } else if (keys !== undefined) {
      steps.push(Object.fromEntries([...keys.matchAll(KEY)].map(([, key = '', value = '']) => [key, value])));
    } else {
      steps.push(field ?? quoted ?? '');
    }
    rest = rest.slice(all.length);
  }
  return steps;
}
