package events

// What parties ask the ledger over NATS, and what it answers. Both are JSON.
// Nothing in an answer is proof: it only says where to look in the tree.

// MaxPlaces is the most envelopes that one answer speaks of.
const MaxPlaces = 1000

// GetRequest asks on [SubjectReceiptsGet] which leaves a recorder's envelopes
// became: those accepted, by sequence number, and those rejected, by the digest
// of their whole body.
type GetRequest struct {
	V           int    `json:"v"`
	Recorder    string `json:"recorder"`
	Incarnation uint64 `json:"incarnation"`
	// From is the lowest first sequence number asked for. The answer goes on
	// from there in order, with at most MaxPlaces places.
	From uint64 `json:"from"`
	// Bodies are the digests of whole envelopes that may have been rejected, at
	// most MaxPlaces.
	Bodies []Digest `json:"bodies,omitempty"`
}

// GetResponse answers a [GetRequest].
type GetResponse struct {
	V int `json:"v"`
	// Error says, for people, why the request was not answered.
	Error string `json:"error,omitempty"`
	// Epoch and Seq are where the ledger stands in the stream: a message
	// acknowledged with a sequence number not above Seq, in the same epoch, has
	// its leaf or was lost.
	Epoch uint64 `json:"epoch"`
	Seq   uint64 `json:"seq"`
	// Accepted is in the order of First, then of Leaf.
	Accepted []AcceptedPlace `json:"accepted,omitempty"`
	// More says that Accepted was cut off at MaxPlaces.
	More     bool            `json:"more,omitempty"`
	Rejected []RejectedPlace `json:"rejected,omitempty"`
}

// AcceptedPlace says where an accepted envelope stands.
type AcceptedPlace struct {
	First    uint64 `json:"first"`
	Manifest Digest `json:"manifest"`
	Leaf     uint64 `json:"leaf"`
}

// RejectedPlace says where a rejected envelope stands, and why it was. It is
// also what is published on [SubjectRejections].
type RejectedPlace struct {
	Body Digest `json:"body"`
	Leaf uint64 `json:"leaf"`
	Code string `json:"code"`
	// Reason says it for people, with the place in the envelope. It may be
	// absent when the ledger was restarted since.
	Reason string `json:"reason,omitempty"`
}

// HeadRequest asks on [SubjectReceiptsHead] for the last accepted position of a
// party's recorders.
type HeadRequest struct {
	V int `json:"v"`
	// After is the last recorder of the answer before; empty at first.
	After string `json:"after,omitempty"`
	// Seen is the newest checkpoint that the party has verified, as the log signed it, where
	// the ledger has said that its tree is smaller: one that was put back from an old copy
	// learns from it, and stops.
	Seen []byte `json:"seen,omitempty"`
}

// HeadResponse answers a [HeadRequest], recorders in order of name, at most
// MaxPlaces.
type HeadResponse struct {
	V     int    `json:"v"`
	Error string `json:"error,omitempty"`
	// Size is of the ledger's tree, by its word.
	Size  uint64 `json:"size,omitempty"`
	Heads []Head `json:"heads,omitempty"`
	More  bool   `json:"more,omitempty"`
}

// Head is the furthest position of a recorder: the highest sequence number of
// its highest incarnation, and the manifest that took it.
type Head struct {
	Recorder    string `json:"recorder"`
	Incarnation uint64 `json:"incarnation"`
	Last        uint64 `json:"last"`
	Manifest    Digest `json:"manifest"`
	Leaf        uint64 `json:"leaf"`
}
