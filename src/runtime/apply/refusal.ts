import type { KubeError } from '../api/errors.js';
import type { ConfigProblem } from '../config/errors.js';
import { stepsOf } from '../run/yaml-lines.js';
import type { ManifestDocument } from './documents.js';

const STRICT = /(unknown|duplicate) field "([^"]+)"/g;
/** `failed to create typed patch object (…): .spec.replcas: field not declared in schema` */
const TYPED = /^failed to create typed patch object \([^)]*\): (.*)$/s;
const TYPED_FIELD = /^\s*(\.\S+): (.*)$/gm;

/** What the API server has against a document, field by field as far as it names them; pure. */
export function problemsOf(document: ManifestDocument, error: KubeError): ConfigProblem[] {
  const named = fieldsOf(error);
  if (named.length > 0) {
    return named.map(({ field, message }) => ({ file: document.at(stepsOf(field)), field, message }));
  }
  if (error.status === 404 && error.message.startsWith('namespaces ')) {
    const path = ['metadata', 'namespace'];
    return [{ file: document.at(path), field: path.join('.'), message: error.message }];
  }
  return [{ file: document.at([]), field: '', message: `${document.kind} ${document.name}: ${error.message}` }];
}

function fieldsOf({ causes, message }: KubeError): { field: string; message: string }[] {
  const strict = [...message.matchAll(STRICT)];
  if (message.includes('strict decoding error') && strict.length > 0) {
    return strict.map(([, what = '', field = '']) => ({
      field,
      message: what === 'unknown' ? 'is no field of this kind' : 'is there twice',
    }));
  }
  const typed = TYPED.exec(message)?.[1];
  if (typed !== undefined) {
    return [...typed.matchAll(TYPED_FIELD)].map(([, field = '', said = '']) => ({
      field: field.slice(1),
      message: said === 'field not declared in schema' ? 'is no field of this kind' : said,
    }));
  }
  return causes.filter(({ field }) => field !== '').map(({ field, message: said }) => ({ field, message: said }));
}
