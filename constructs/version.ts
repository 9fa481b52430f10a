/** Version of this package; a test holds it to package.json. */
export const VERSION = '0.1.0';

/** The Airflow that is deployed unless `airflowVersion` says otherwise: the newest stable one that this version was tested with. */
export const DEFAULT_AIRFLOW_VERSION = '3.3.2';
