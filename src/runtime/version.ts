/** Version of the package that the runtime was bundled from: scripts/runtime/bundle.mjs puts it in. */
export const VERSION: string = process.env.POD_LAUNCHER_VERSION ?? '0.0.0-unbundled';
