"""The reporter: the one process with a token. It brings the driver's files to SLMTrial.status."""
