package main

import "github.com/saksi-ledger/saksi/cmd/internal/cmdline"

// The roles by which help lists commands.
const (
	starting  = "start"
	regulator = "regulator"
	operators = "operator"
	auditor   = "auditor"
	customer  = "customer"
	nodes     = "node"
)

func roles() []cmdline.Role {
	return []cmdline.Role{
		{Name: starting, Title: "To begin"},
		{Name: regulator, Title: "For a regulator"},
		{Name: operators, Title: "For an operator"},
		{Name: auditor, Title: "For an auditor"},
		{Name: customer, Title: "For a customer, or another reader"},
		{Name: nodes, Title: "For whoever runs the node"},
	}
}

// nouns say what the commands below a noun are for.
func nouns() map[string]string {
	return map[string]string{
		"attest":    "signed statements about what was recorded",
		"authority": "authorities and their mandates, and one's own keys",
		"broker":    "a NATS server of your own for the ledger's accounts",
		"context":   "names for homes, so that --home need not be given",
		"custody":   "the signed list of who had a piece of evidence",
		"event":     "what is sealed, committed to, disclosed or erased of single events",
		"facility":  "facilities that are declared",
		"finding":   "what does not add up, or breaks a rule",
		"hold":      "legal holds, which keep things from erasure",
		"key":       "signing keys",
		"ledger":    "what sites without a network have sent",
		"operator":  "operators that may publish",
		"order":     "orders to produce what was committed to",
		"outbox":    "what waits for a receipt, and what has one",
		"person":    "who stands behind a pseudonym",
		"reader":    "who may read, and what",
		"recorder":  "sources of records that are declared",
		"schema":    "the types of events and their JSON Schemas",
		"tenant":    "customers and their sectors",
		"witness":   "a witness that cosigns other people's ledgers (C2SP tlog-witness)",
	}
}

// commands are all commands, in the order of the help.
func commands() []cmdline.Command {
	return []cmdline.Command{
		demoCommand(),
		contextList(), contextUse(), contextAdd(), contextShow(),
		completion(),
		schemaList(), schemaShow(), schemaValidate(),
		version(),

		view(),
		watch(),
		findingShow(), findingAcknowledge(), findingResolve(),
		personReveal(), personErase(),
		orderGive(), orderOpen(), orderList(), orderAnswer(),
		eventUnseal(), eventErase(), eventCommit(), eventDisclose(), eventRecipients(),
		holdPlace(), holdRelease(), holdList(),
		operatorAdd(), operatorSuspend(), operatorReadmit(), operatorList(),
		readerAdd(), readerSuspend(), readerReadmit(), readerList(),
		facilityAdd(), facilityRetire(), facilityList(),
		recorderAdd(), recorderRetire(), recorderList(),
		tenantAdd(), tenantList(),
		authorityAdd(), authorityWitnesses(), authorityAdopt(), authorityRotate(), authorityRecipient(), authorityList(),

		enrol(), join(),
		importLogs(), publishEvents(),
		attestPeriod(), attestControl(), attestBlindspot(), attestCorrection(), attestResponse(),
		outboxStatus(), outboxFlush(), outboxForget(), outboxRestart(), outboxErase(), outboxEvidence(), outboxReceipts(), outboxExport(), outboxReceive(),
		keyNew(), keyUse(), keyList(), keyAdd(), keyRevoke(),
		tokenCommand(),

		trustCommand(),
		auditCommand(),
		evidenceCommand(), verifyCommand(), reportCommand(), redactCommand(),
		custodyAdd(), custodyShow(),
		monitorCommand(), mirrorCommand(),
		witnessInit(), witnessAdd(), witnessList(), witnessServe(),

		initCommand(), upCommand(), doctorCommand(), rebuildCommand(),
		brokerConfig(),
		ledgerReceive(),

		benchCommand(), rekorCommand(),
	}
}
