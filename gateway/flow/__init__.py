"""The pipeline: admission, preparation, scheduling, attempts, reconciliation. The only room that doors, API and page talk to."""
