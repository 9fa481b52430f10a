import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { Component } from './component.js';
import { PATHS } from './contract.js';
import { sha256 } from './hash.js';
import { restricted, tokenVolume } from './pod.js';
import { ComponentRole } from './rbac.js';
import type { Release } from './release.js';
import { lazy } from './lazy.js';

/** How the value of a key comes about: exactly one of the two. */
export interface CreatedValue {
  /** `fernet`, `hex` (64 characters) or `password` (24 characters). @default - `template`. */
  readonly generate?: string;
  /** Text in which `${secret/key}` stands for the percent-encoded value of a Secret added earlier. @default - `generate`. */
  readonly template?: string;
}

interface CreatedSecret {
  readonly name: string;
  readonly labels: { [key: string]: string };
  readonly data: { [key: string]: CreatedValue };
}

/** What `pod-launcher create-secrets` reads; without a namespace it takes its own. */
interface SecretsSpec {
  readonly namespace: null;
  readonly secrets: CreatedSecret[];
}

/** Where the Job finds the specification. */
const SPEC_DIR = '/etc/pod-launcher-secrets';
const SPEC_FILE = 'secrets.json';
const COMPONENT = 'create-secrets';

/**
 * Secrets that a Job creates in the cluster when they do not exist yet, and that nothing changes later:
 * neither another synth nor another apply touches them. Without a Secret to create, nothing is rendered.
 */
export class CreatedSecrets extends Construct {
  private readonly secrets: CreatedSecret[] = [];
  private role?: ComponentRole;

  public constructor(
    scope: Construct,
    id: string,
    private readonly release: Release,
  ) {
    super(scope, id);
  }

  /** Has a Secret created with these keys. */
  public add(name: string, data: { [key: string]: CreatedValue }): void {
    this.role ??= this.build();
    this.secrets.push({ name, labels: { ...this.release.selector('secret'), heritage: 'cdk8s-airflow' }, data });
    // Read, so that a template can refer to a value that exists already.
    this.role.addRule({ apiGroups: [''], resources: ['secrets'], resourceNames: [name], verbs: ['get'] });
  }

  private build(): ComponentRole {
    const { release } = this;
    const name = `${release.name}-${COMPONENT}`;
    const spec: SecretsSpec = { namespace: null, secrets: this.secrets };
    new ApiObject(this, 'Spec', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, labels: release.objectLabels(COMPONENT) },
      data: lazy(() => ({ [SPEC_FILE]: render(spec) })),
    });
    // Before the Job, so that its first try may already succeed.
    const role = new ComponentRole(this, 'Role', {
      release,
      component: COMPONENT,
      roleName: name,
      serviceAccountName: `${release.name}-airflow-${COMPONENT}`,
      // `create` cannot be narrowed to names: the API server does not know the name when it decides.
      rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['create'] }],
    });
    new CreateSecretsJob(this, 'Job', release, spec);
    return role;
  }
}

class CreateSecretsJob extends Component {
  public constructor(
    scope: Construct,
    id: string,
    release: Release,
    private readonly secrets: SecretsSpec,
  ) {
    super(scope, id, {
      release,
      component: COMPONENT,
      kind: 'Job',
      spec: { backoffLimit: 10 },
      options: {},
      runsAirflow: false,
      container: {
        name: COMPONENT,
        // Not `args`: the public image's entrypoint takes what it does not know for a subcommand of airflow.
        command: ['pod-launcher', 'create-secrets', '--spec', `${SPEC_DIR}/${SPEC_FILE}`],
        securityContext: restricted({ readOnlyRootFilesystem: true }),
      },
      requests: { cpu: '10m', memory: '64Mi' },
      parts: [
        {
          volumes: [
            tokenVolume('kube-api-token'),
            { name: 'spec', configMap: { name: `${release.name}-${COMPONENT}` } },
          ],
          mounts: [
            { name: 'kube-api-token', mountPath: PATHS.SERVICE_ACCOUNT_DIR, readOnly: true },
            { name: 'spec', mountPath: SPEC_DIR, readOnly: true },
          ],
        },
      ],
    });
  }

  protected override checksums(): { [key: string]: string } {
    return { 'checksum/secrets': sha256(render(this.secrets)) };
  }
}

function render(spec: SecretsSpec): string {
  return `${JSON.stringify(spec, null, 2)}\n`;
}
