from airflow import DAG
from datetime import datetime, timedelta
from airflow_pod_launcher.operators.job import JobOperator as KubernetesJobOperator

default_args = {
    'owner': 'airflow',
    'depends_on_past': False,
    'email': ['airflow@example.com'],
    'email_on_failure': False,
    'email_on_retry': False,
    'retries': 1, # the number of times the pod will retry, can pass in per-task
    'retry_delay': timedelta(minutes=5),
    'start_date': datetime(2021, 2, 24, 12, 0),
}
with DAG(
    'countdown_tail',
    default_args=default_args,
    description='KJO example DAG',
    schedule=None,
    template_searchpath='/path/to/airflow/kubernetes/job',
    catchup=False
) as dag:
    command = 'sleep 60; for i in 5 4 3 2 1 ; do echo $i ; done'
    task_1 = KubernetesJobOperator(task_id='tail',
                                   yaml_file_name='countdown_body.yaml.tmpl',
                                   yaml_template_fields={'command': command},
                                   in_cluster=True,
                                   tail_logs=True)
    task_2 = KubernetesJobOperator(task_id='tail_only_at_end',
                                   yaml_file_name='countdown_body.yaml.tmpl',
                                   yaml_template_fields={'command': command},
                                   in_cluster=True,
                                   tail_logs_only_at_end=True)
    task_3 = KubernetesJobOperator(task_id='tail_every',
                                   yaml_file_name='countdown_body.yaml.tmpl',
                                   yaml_template_fields={'command': command},
                                   in_cluster=True,
                                   tail_logs_every=60, # seconds
                                   tail_logs_line_count=100)
    task_1 >> task_2 >> task_3
