"""Operators that run things on Kubernetes through the bundled runtime; none of them imports a Kubernetes client."""
