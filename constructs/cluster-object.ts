import { ApiObject } from 'cdk8s';

/** An object of the whole cluster: cdk8s gives everything in a chart the chart's namespace. */
export class ClusterObject extends ApiObject {
  public override toJson(): unknown {
    const manifest = super.toJson() as { metadata: { namespace?: string } };
    const metadata = { ...manifest.metadata };
    delete metadata.namespace;
    return { ...manifest, metadata };
  }
}
