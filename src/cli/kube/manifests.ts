import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { CliError, errorMessage, EXIT_CODES } from '../errors.js';
import type { KubeObject } from './objects.js';

/**
 * Every object in the YAML files of a folder (its subfolders included), in the order of file names.
 * @throws CliError USAGE if the folder has none, or a file is not YAML or not a Kubernetes object
 */
export async function readManifests(folder: string): Promise<KubeObject[]> {
  if (!(await isFolder(folder))) {
    throw new CliError(
      EXIT_CODES.USAGE,
      `There is no folder ${folder}: run "cdk8s synth", or name it by --app-output.`,
    );
  }
  const names = await readdir(folder, { recursive: true });
  const files = names.filter((name) => /\.ya?ml$/.test(name)).sort();
  const objects: KubeObject[] = [];
  for (const file of files) {
    objects.push(...parseManifest(await readFile(join(folder, file), 'utf8'), join(folder, file)));
  }
  if (objects.length === 0) {
    throw new CliError(EXIT_CODES.USAGE, `${folder} holds no Kubernetes object.`);
  }
  return objects;
}

/**
 * The objects of one YAML text.
 * @param origin what messages call it
 */
export function parseManifest(text: string, origin: string): KubeObject[] {
  const objects: KubeObject[] = [];
  for (const document of parseAllDocuments(text)) {
    const [error] = document.errors;
    if (error !== undefined) {
      throw new CliError(EXIT_CODES.USAGE, `${origin}: ${errorMessage(error)}`);
    }
    const value: unknown = document.toJS();
    if (value === null || value === undefined) {
      continue;
    }
    if (!isKubeObject(value)) {
      throw new CliError(EXIT_CODES.USAGE, `${origin}: an object lacks apiVersion, kind or metadata.name`);
    }
    objects.push(value);
  }
  return objects;
}

function isKubeObject(value: unknown): value is KubeObject {
  const object = value as Partial<KubeObject> | undefined;
  return (
    typeof object === 'object' &&
    typeof object.apiVersion === 'string' &&
    typeof object.kind === 'string' &&
    typeof object.metadata?.name === 'string'
  );
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
