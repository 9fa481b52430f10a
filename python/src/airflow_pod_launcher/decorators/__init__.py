"""TaskFlow decorators; Airflow finds them through the provider's info."""
