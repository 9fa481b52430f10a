"""A job that says which release it is, works for a while, and leaves a result for Airflow."""

import argparse
import json
import os
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--day", required=True)
parser.add_argument("--seconds", type=float, default=0)
given = parser.parse_args()

release = os.environ["RELEASE"]
print(f"release {release} begins with {given.day}")
time.sleep(given.seconds)
print(f"release {release} has done its work")
result = Path("/airflow/xcom/return.json")
if result.parent.is_dir():
    result.write_text(json.dumps({"release": release}))
