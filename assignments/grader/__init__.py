"""Grade notebooks out of process: students' code runs in a sandbox, tests run here."""
