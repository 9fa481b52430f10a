import { asKubeError } from '../api/errors.js';
import type { Applied, KubeObject, ObjectApi } from '../api/object-api.js';
import { ConfigError, type ConfigProblem } from '../config/errors.js';
import { collectionOf, type Discovery, type KindPlace } from '../run/discovery.js';
import { RunError } from '../run/events.js';
import { patiently, type Patience } from '../run/patience.js';
import { bindingOf, waitsForBinding } from './claims.js';
import { isAbout } from './condition.js';
import type { ManifestDocument } from './documents.js';
import { problemsOf } from './refusal.js';
import type { ApplyRequest } from './request.js';
import { bodyOf, describeName, isMadeBy, nameOf, type Target } from './target.js';
import { remembers } from './write.js';

export interface CheckOptions {
  readonly api: ObjectApi;
  readonly discovery: Discovery;
  readonly request: ApplyRequest;
  /** Of objects that say none. */
  readonly namespace: string;
  readonly maker: string;
  readonly patience: Patience;
}

type Place = Pick<Target, 'document' | 'where'>;

/** Something that keeps a document from being applied: a problem of the document, or a right that is missing. */
type Objection = { readonly problem: ConfigProblem } | { readonly missing: string };

const HTTP_CONFLICT = 409;

/**
 * Lets the server try every document; nothing is changed.
 * @throws ConfigError with every problem of every document, RunError when rights are missing
 */
export async function check(documents: readonly ManifestDocument[], options: CheckOptions): Promise<Target[]> {
  refuseIdleRules(documents, options.request);
  const found = await Promise.all(documents.map((document) => locate(document, options)));
  const places = found.flatMap((one) => ('where' in one ? [one] : []));
  const unknown = found.flatMap((one) => ('problem' in one ? [one] : []));
  const tried = await Promise.all(places.map((place) => tryOne(place, options)));
  const rights = await missingRights(places, options);
  raise([...unknown, ...tried.flatMap((one) => ('objections' in one ? one.objections : [])), ...rights]);
  return tried.flatMap((one) => ('objections' in one ? [] : [one]));
}

/** A condition that is about no object would never be looked at. */
function refuseIdleRules(documents: readonly ManifestDocument[], { wait, failOn }: ApplyRequest): void {
  const idle = [...wait, ...failOn].filter((rule) => !documents.some((document) => isAbout(rule, document)));
  if (idle.length > 0) {
    const there = documents.map(({ kind, name }) => `${kind}/${name}`).join(', ');
    throw new ConfigError(
      idle.map(({ text }) => ({ file: 'request', field: 'wait', message: `('${text}') is about none of ${there}` })),
    );
  }
}

async function locate(document: ManifestDocument, { discovery, namespace }: CheckOptions): Promise<Place | Objection> {
  const { apiVersion, kind } = document;
  const place: KindPlace | null = await discovery.find(apiVersion, kind);
  if (place === null) {
    const message = `(${kind} of ${apiVersion}) is no kind that this API server has`;
    return { problem: { file: document.at(['kind']), field: 'kind', message } };
  }
  if (!place.namespaced && document.namespace !== null) {
    const message = `must not be there: objects of kind ${kind} are in no namespace`;
    const path = ['metadata', 'namespace'];
    return { problem: { file: document.at(path), field: 'metadata.namespace', message } };
  }
  return { document, where: collectionOf(place, document.namespace ?? namespace) };
}

async function tryOne(place: Place, options: CheckOptions): Promise<Target | { readonly objections: Objection[] }> {
  const { request } = options;
  try {
    const tried = request.action === 'apply' ? await tryApply(place, options) : null;
    // Tried without its maker an object would lose what tells who made it.
    const looks = tried === null || (!tried.created && remembers(request));
    const before = looks ? await read(place, options) : tried.created ? null : tried.object;
    const ours = before === null || isMadeBy(before, options.maker);
    if (request.action === 'create') {
      if (!ours) {
        const message = `${describeName(nameOf(place))} exists already: apply it, or delete it first`;
        return { objections: [problem(place, 'metadata.name', message)] };
      }
      if (before === null) {
        await tryCreate(place, options);
      }
    }
    const wouldBe = tried?.object ?? before ?? place.document.body;
    const consumer = await refuseFirstConsumer(place, wouldBe, options);
    return consumer === null ? { ...place, before, ours } : { objections: [consumer] };
  } catch (error) {
    return { objections: objectionsOf(place, error) };
  }
}

function tryApply(place: Place, options: CheckOptions): Promise<Applied<KubeObject>> {
  const { api, patience, request } = options;
  const { fieldManager, force } = request;
  const how = { fieldManager, force, dryRun: true, strict: true };
  return patiently(`try ${describeName(nameOf(place))}`, patience, () =>
    api.apply(place.where, place.document.name, bodyOf(place, null), how),
  );
}

/** To wait for the binding of a claim that only a pod brings about would be in vain. */
async function refuseFirstConsumer(place: Place, claim: KubeObject, options: CheckOptions): Promise<Objection | null> {
  const { api, patience, request } = options;
  const { document } = place;
  const waits = request.wait.some((rule) => waitsForBinding(rule, document));
  if (!waits || request.firstConsumer === 'skip' || request.action === 'delete') {
    return null;
  }
  const { when, storageClass } = await bindingOf(claim, api, patience);
  return when !== 'first-consumer'
    ? null
    : problem(
        place,
        'spec.storageClassName',
        `(${storageClass}) binds a claim only when a pod uses it (WaitForFirstConsumer): do not wait for Bound`,
      );
}

async function tryCreate(place: Place, { api, patience }: CheckOptions): Promise<void> {
  await patiently(`try ${describeName(nameOf(place))}`, patience, () =>
    api.create(place.where, bodyOf(place, null), { dryRun: true, strict: true }),
  );
}

function read(place: Place, { api, patience }: CheckOptions): Promise<KubeObject | null> {
  return patiently(`read ${describeName(nameOf(place))}`, patience, () => api.get(place.where, place.document.name));
}

function objectionsOf(place: Place, error: unknown): Objection[] {
  if (error instanceof RunError) {
    if (error.code !== 'Forbidden') {
      throw error;
    }
    return [{ missing: error.message }];
  }
  const failure = asKubeError(error);
  if (failure.status === HTTP_CONFLICT && failure.causes.length > 0) {
    return problemsOf(place.document, failure).map(({ file, field, message }) => ({
      problem: { file, field, message: `${message}: use force to take it over` },
    }));
  }
  return problemsOf(place.document, failure).map((one) => ({ problem: one }));
}

function problem({ document }: Place, field: string, message: string): Objection {
  return { problem: { file: document.at(field.split('.')), field, message } };
}

/** What the dry run does not ask for: to see what is waited for, and to delete what is to be deleted. */
async function missingRights(places: readonly Place[], options: CheckOptions): Promise<Objection[]> {
  const { request } = options;
  const deletes = request.action === 'delete' || request.onFinish !== 'keep' || request.onKill === 'delete';
  const questions = places.flatMap((place) => {
    const waits = request.follow || [...request.wait, ...request.failOn].some((rule) => isAbout(rule, place.document));
    const verbs = [...(waits ? ['get', 'watch'] : []), ...(deletes ? ['get', 'delete'] : [])];
    return [...new Set(verbs)].map((verb) => ({ where: place.where, verb, name: place.document.name }));
  });
  const known = new Map<string, Promise<boolean>>();
  const ask = (right: Parameters<ObjectApi['mayI']>[0]): Promise<boolean> => {
    const key = JSON.stringify(right);
    const answer = known.get(key) ?? patiently('ask for rights', options.patience, () => options.api.mayI(right));
    known.set(key, answer);
    return answer;
  };
  const answers = await Promise.all(
    // Most rights are for all objects of a kind; those that are not are asked for by name.
    questions.map(async (one) => (await ask({ where: one.where, verb: one.verb })) || (await ask(one))),
  );
  return questions
    .filter((_, position) => answers[position] === false)
    .map(({ where, verb, name }) => ({
      missing: `not allowed to ${verb} ${where.plural} '${name}'${where.namespace === null ? '' : ` in namespace ${where.namespace}`}`,
    }));
}

function raise(objections: readonly Objection[]): void {
  const problems = objections.flatMap((one) => ('problem' in one ? [one.problem] : []));
  const missing = [...new Set(objections.flatMap((one) => ('missing' in one ? [one.missing] : [])))];
  if (problems.length > 0) {
    throw new ConfigError([...problems, ...missing.map((message) => ({ file: 'cluster', field: '', message }))]);
  }
  if (missing.length > 0) {
    throw new RunError('Forbidden', missing.join('; '));
  }
}
