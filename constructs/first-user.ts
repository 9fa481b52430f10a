import type { Construct } from 'constructs';
import { Component } from './component.js';
import type { ComponentOptions } from './component-options.js';
import { fromSecret } from './pod.js';
import type { Release } from './release.js';
import { SecretRef } from './secret-ref.js';
import { Checks } from './validation.js';

/** Options of the first user. */
export interface FirstUserOptions extends ComponentOptions {
  /** @default true */
  readonly enabled?: boolean;
  /** @default 'admin' */
  readonly username?: string;
  /** @default 'admin@example.com' */
  readonly email?: string;
  /** @default 'Admin' */
  readonly role?: string;
  /** @default - `<release>-first-user` is created, with `username` and `password`. */
  readonly password?: SecretRef;
}

/** Props of `FirstUser`. */
export interface FirstUserProps extends FirstUserOptions {
  readonly release: Release;
}

/** The Job that makes the first user. A user of that name who exists is left alone, password included. */
export class FirstUser extends Component {
  /** Where the password is. */
  public readonly password: SecretRef;

  public constructor(scope: Construct, id: string, props: FirstUserProps) {
    const { release } = props;
    const created = `${release.name}-first-user`;
    const password = props.password ?? SecretRef.named(created, 'password');
    const username = props.username ?? 'admin';
    // The name stands beside the password, so that whoever may read the one can log in.
    if (!props.password)
      release.secrets.add(created, { username: { template: username }, password: { generate: 'password' } });
    super(scope, id, {
      release,
      component: 'create-user',
      kind: 'Job',
      spec: { backoffLimit: 10 },
      options: props,
      requests: { cpu: '50m', memory: '256Mi' },
      container: {
        name: 'create-user',
        args: [
          'bash',
          '-c',
          'exec airflow users create --username "$FIRST_USER" --email "$FIRST_USER_EMAIL" --role "$FIRST_USER_ROLE"' +
            ' --firstname "$FIRST_USER" --lastname user --password "$FIRST_USER_PASSWORD"',
        ],
        env: [
          ...release.database.env,
          { name: 'FIRST_USER', value: username },
          { name: 'FIRST_USER_EMAIL', value: props.email ?? 'admin@example.com' },
          { name: 'FIRST_USER_ROLE', value: props.role ?? 'Admin' },
          fromSecret('FIRST_USER_PASSWORD', password.secretName, password.key),
        ],
      },
    });
    this.password = password;
    const checks = new Checks(this);
    checks.notEmpty('username', props.username, "a user name; leave it out for 'admin'");
    checks.notEmpty('role', props.role, "a role of Airflow; leave it out for 'Admin'");
    if (props.email !== undefined && !/^[^@\s]+@[^@\s]+$/.test(props.email))
      checks.report('email', props.email, 'must be an e-mail address');
  }
}
