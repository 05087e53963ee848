"""The simulated DMP: judges TD0.2, TD2.1, TD3.1 and TD3.3c calls like a suspicious stranger (dossier dmp.md section 8).

Nothing here is shared with the builders of the gateway: own XML and MTOM readers, own signature checks, own metadata rules.
`service.DmpService` is the only entry point. A rule that fails has a stable id (`dmp.vihf.replay`), found in the answer and in the verdict.
"""
