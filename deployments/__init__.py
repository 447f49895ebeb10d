"""What runs Interlock: the command line, the services, and Prefect's server on this machine."""
