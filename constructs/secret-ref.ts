import type { ISecret } from 'cdk8s-plus-27';

/** A key of a Secret that somebody else made, in the namespace of the stack. */
export class SecretRef {
  /** A Secret by its name, whoever makes it. */
  public static named(name: string, key: string): SecretRef {
    return new SecretRef(name, key);
  }

  /** A Secret of this app, or one imported with `Secret.fromSecretName` of cdk8s-plus. */
  public static of(secret: ISecret, key: string): SecretRef {
    return new SecretRef(secret.name, key);
  }

  private constructor(
    public readonly secretName: string,
    public readonly key: string,
  ) {}
}
