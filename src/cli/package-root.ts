import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder of this package (the checkout, or node_modules/cdk8s-airflow), wherever its compiled code lies in it. */
export function packageRoot(): string {
  for (let folder = __dirname; ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    // The compiler may leave a copy of package.json beside the code; the scripts are at the root alone.
    if (
      existsSync(join(folder, 'scripts', 'cluster')) &&
      existsSync(manifest) &&
      nameIn(manifest) === 'cdk8s-airflow'
    ) {
      return folder;
    }
    if (folder === dirname(folder)) {
      throw new Error(`no package.json of cdk8s-airflow above ${__dirname}`);
    }
  }
}

function nameIn(manifest: string): string | undefined {
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string }).name;
}
