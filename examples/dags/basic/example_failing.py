"""A task whose command fails, and one that is therefore not run: the reason is in the log of the first."""

from __future__ import annotations

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag


@dag(schedule=None, catchup=False, tags=["example", "fails-on-purpose"], default_args={"retries": 0})
def example_failing():
    failing = BashOperator(
        task_id="failing",
        bash_command='echo "calling a program that the image does not have"; no-such-program --greet world',
    )
    failing >> BashOperator(task_id="never_reached", bash_command="echo this is never printed")


example_failing()
