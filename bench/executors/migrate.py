"""Makes the metadata database that the environment names."""

from airflow.utils.db import initdb

if __name__ == "__main__":
    initdb()
