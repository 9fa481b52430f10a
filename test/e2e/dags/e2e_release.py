"""Says which release of the image it runs on, works for a while, and says it again."""

import os
import time

from airflow.sdk import DAG, Param, get_current_context, task

with DAG("e2e_release", schedule=None, catchup=False, params={"seconds": Param(60, type="integer")}):

    @task
    def release() -> str:
        running_on = os.environ["CDK8S_AIRFLOW_RELEASE"]
        print(f"started on release {running_on}")
        time.sleep(get_current_context()["params"]["seconds"])
        print(f"ended on release {running_on}")
        return running_on

    release()
