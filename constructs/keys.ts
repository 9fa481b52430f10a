import { Construct } from 'constructs';
import type { CreatedSecrets } from './created-secrets.js';
import { type EnvVar, fromSecret } from './pod.js';
import type { Release } from './release.js';
import type { SecretRef } from './secret-ref.js';

/** The keys of Airflow. What is not given is created once, in the cluster, and never changed. */
export interface KeysProps {
  /** Encrypts connections and variables in the database. @default - `<release>-fernet-key`, key `fernet-key`, is created. */
  readonly fernetKey?: SecretRef;
  /** Signs the tokens of tasks and users. @default - `<release>-jwt-secret`, key `jwt-secret`, is created. */
  readonly jwtSecret?: SecretRef;
  /**
   * Signs sessions and log requests.
   * @default - `<release>-api-secret-key`, key `api-secret-key`, is created; `webserver-secret-key` with Airflow 2.
   */
  readonly apiSecretKey?: SecretRef;
}

/** Fernet key, JWT secret and API secret key, as environment variables for those components that need them. */
export class Keys extends Construct {
  /** For what reads connections: all but tasks and Jobs. */
  public readonly fernetKey: EnvVar;
  /** For scheduler and webserver only; none with Airflow 2. */
  public readonly jwtSecret: EnvVar[];
  /** For the webserver and for what serves logs to it. */
  public readonly apiSecretKey: EnvVar;

  public constructor(scope: Construct, id: string, release: Release, secrets: CreatedSecrets, props: KeysProps) {
    super(scope, id);
    const variable = (name: string, given: SecretRef | undefined, suffix: string, generate: string): EnvVar => {
      if (given) return fromSecret(name, given.secretName, given.key);
      const secretName = `${release.name}-${suffix}`;
      secrets.add(secretName, { [suffix]: { generate } });
      return fromSecret(name, secretName, suffix);
    };
    this.fernetKey = variable('AIRFLOW__CORE__FERNET_KEY', props.fernetKey, 'fernet-key', 'fernet');
    if (release.isAirflow2) {
      this.jwtSecret = [];
      const secretKey = 'webserver-secret-key';
      this.apiSecretKey = variable('AIRFLOW__WEBSERVER__SECRET_KEY', props.apiSecretKey, secretKey, 'hex');
      return;
    }
    this.jwtSecret = [variable('AIRFLOW__API_AUTH__JWT_SECRET', props.jwtSecret, 'jwt-secret', 'hex')];
    this.apiSecretKey = variable('AIRFLOW__API__SECRET_KEY', props.apiSecretKey, 'api-secret-key', 'hex');
  }
}
