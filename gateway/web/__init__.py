"""The practice's page: French, rendered here, without script. Talks to flow only; shows what it says in plain words."""
