"""Where the simulator may differ from AWS's models, and why. One that no longer occurs is an error too."""

# (service, shape, rule, value): answers that break a rule of the model and are right all the same.
ACCEPTED = {
    ("ivs", "TranscodePreset", "is not a value of the enum", ""):
        "AWS documents that the preset of BASIC and STANDARD channels is the empty string; the enum lacks it",
    ("ivs-realtime", "StageSessionId", "has a wrong length", ""):
        "AWS's documentation has activeSessionId empty while a stage is idle; the model has 26 characters or more",
    ("ivs-realtime", "StageSessionId", "does not match the pattern", ""):
        "the same",
    ("ivs", "ResourceArn", "does not match the pattern", None):
        "the pattern has one character only before the slash, so no ARN of AWS's own matches it",
}

# Codes that AWS answers with on any operation, though no model lists them.
COMMON = {
    "AccessDeniedException": 403,
    "IncompleteSignatureException": 403,
    "InvalidSignatureException": 403,
    "MissingAuthenticationTokenException": 403,
    "SerializationException": 400,
    "ThrottlingException": 429,
}

# (service, shape, members): parts of answers that the clients never get to see, because the simulator has no cause for them.
UNSEEN = {
    # A channel has one stream key at most, so there is no second page.
    ("ivs", "ListStreamKeysResponse"): {"nextToken"},
    # There are no failover slates, and nothing ever goes wrong with a stream.
    ("ivs", "StreamSession"): {"failoverSlateConfiguration"},
    ("ivs", "FailoverSlateConfiguration"): "*",
    ("ivs", "StreamEvent"): {"code"},
    # Participants are neither replicated from other stages nor come by RTMP.
    ("ivs-realtime", "ParticipantSummary"):
        {"ingestConfigurationArn", "replicationState", "sourceSessionId", "sourceStageArn"},
}
