"""Accepted deviations of the simulator from AWS's API models, with the reasons. A stale entry is an error."""

# (service, shape, rule, value): correct responses that nevertheless break a rule of the model.
ACCEPTED = {
    ("ivs", "TranscodePreset", "is not a value of the enum", ""):
        "AWS documents that the preset of BASIC and STANDARD channels is the empty string; it is missing from the enum",
    ("ivs-realtime", "StageSessionId", "has a wrong length", ""):
        "AWS's documentation leaves activeSessionId empty while a stage is idle; the model has 26 characters or more",
    ("ivs-realtime", "StageSessionId", "does not match the pattern", ""):
        "as above",
    ("ivs", "ResourceArn", "does not match the pattern", None):
        "the pattern allows only one character before the slash, so no real ARN matches it",
}

# Error codes that AWS returns for any operation, although no model lists them.
COMMON = {
    "AccessDeniedException": 403,
    "IncompleteSignatureException": 403,
    "InvalidSignatureException": 403,
    "MissingAuthenticationTokenException": 403,
    "SerializationException": 400,
    "ThrottlingException": 429,
}

# (service, shape, members): parts of responses that never occur, because the simulator has no reason to return them.
UNSEEN = {
    # A channel has at most one stream key, so there is no second page.
    ("ivs", "ListStreamKeysResponse"): {"nextToken"},
    # There are no failover slates, and streams never have errors.
    ("ivs", "StreamSession"): {"failoverSlateConfiguration"},
    ("ivs", "FailoverSlateConfiguration"): "*",
    ("ivs", "StreamEvent"): {"code"},
    # Participants are not replicated from other stages and do not use RTMP.
    ("ivs-realtime", "ParticipantSummary"):
        {"ingestConfigurationArn", "replicationState", "sourceSessionId", "sourceStageArn"},
}
