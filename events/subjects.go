package events

// Subjects beside those of envelopes ([Recorder.Subject]). A party is an
// operator's name or registry.<authority>, as [Recorder.Party] returns it.

// SubjectCheckpoints carries every checkpoint the ledger publishes, as a signed
// note.
const SubjectCheckpoints = "checkpoints"

// SubjectAnchors carries every new anchor of the ledger in a Rekor.
const SubjectAnchors = "anchors"

// SubjectReceiptsGet is where a party asks which leaves its envelopes became.
func SubjectReceiptsGet(party string) string { return "receipts." + party + ".get" }

// SubjectReceiptsHead is where a party asks for the last accepted position of
// each of its recorders.
func SubjectReceiptsHead(party string) string { return "receipts." + party + ".head" }

// SubjectRejections is where a party is told at once of a rejected envelope.
func SubjectRejections(party string) string { return "rejections." + party }

// FeedsDomain is what readers give their client as the JetStream domain
// (jetstream.NewWithDomain, nats --js-domain). Under the name of $JS.API itself a server
// answers for the reader's own account, which has no JetStream.
const FeedsDomain = "feeds"
