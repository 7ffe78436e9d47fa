package node

import (
	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/admission"
	"github.com/saksi-ledger/saksi/ledger/writer"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/disclosures"
)

// eventsStream is the stream that [broker.EnsureEvents] makes.
const eventsStream = "EVENTS"

// mostStream and mostDisclosed bound the streams EVENTS and DISCLOSURES of an embedded
// broker, in bytes, if the disk doesn't.
const (
	mostStream    = 64 << 30
	mostDisclosed = 16 << 30
)

// streamBytes is how much the stream may hold when it is made: a quarter of what is
// free now. The other three are the ledger's and the views', which keep for good
// what the stream keeps for a month. Somebody else's broker has bounds of its own.
func streamBytes(config Config) int64 { return share(config, 4, mostStream) }

// disclosuresBytes is how much the stream DISCLOSURES may hold when it is made.
func disclosuresBytes(config Config) int64 { return share(config, 16, mostDisclosed) }

// share is a part of what is free now, for a stream of the embedded broker; 0, for the
// default, where the broker is somebody else's.
func share(config Config, part, most int64) int64 {
	if config.NATS != "" {
		return 0
	}
	free, err := freeBytes(config.Home.LedgerDir())
	if err != nil {
		return 0 // what can't be measured is said by the throttle
	}
	return min(most, max(free/part, 64<<20))
}

func eventsOptions(config Config) broker.EventsOptions {
	return broker.EventsOptions{Replicas: config.Replicas, NewBytes: streamBytes(config)}
}

func feedsOptions(config Config) broker.FeedsOptions {
	return broker.FeedsOptions{Replicas: config.Replicas}
}

func disclosuresOptions(config Config, l *writer.Ledger) (broker.DisclosuresOptions, error) {
	return disclosures.StreamOptions(retentionOf(l), config.Replicas, disclosuresBytes(config))
}

// retentionOf is how long a ledger keeps what, by its genesis.
func retentionOf(l *writer.Ledger) (retention events.Retention) {
	l.Registry(func(r *admission.Registry) { retention = r.Genesis.Retention })
	return retention
}

// streamsOf says as what this node makes its streams and readers' consumers, for the
// embedded broker to mend them by.
func streamsOf(config Config, l *writer.Ledger) (broker.Streams, error) {
	disclosures, err := disclosuresOptions(config, l)
	if err != nil {
		return broker.Streams{}, err
	}
	readers, err := authority.FeedReaders(config.Home.Readers())
	if err != nil {
		return broker.Streams{}, err
	}
	return broker.Streams{
		Events: eventsOptions(config), Disclosures: disclosures, Feeds: feedsOptions(config),
		Readers: readers, Views: authority.FeedViews(),
	}, nil
}
