package broker

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// Streams says as what the streams of an embedded server, and the consumers on them, are
// made. [Start] makes none: it needs to know this to write anew a description that a power
// cut has torn. What is zero is as [EnsureEvents], [EnsureDisclosures] and [EnsureFeeds]
// have it.
type Streams struct {
	Events      EventsOptions
	Disclosures DisclosuresOptions
	Feeds       FeedsOptions
	// Readers have consumers on FEEDS, each one for every view of Views that its mandate
	// covers; see [EnsureReaders].
	Readers []Reader
	Views   []string
}

// storedStream is a stream that the node makes and the server keeps on disk.
type storedStream struct {
	hub string // whose account has it
	// config is as the node would create it; stored are the bytes that it holds already.
	config func(stored int64) jetstream.StreamConfig
	// differ names the settings that the node can't work with.
	differ func(have jetstream.StreamConfig) []string
	// refill says where the messages come from if the stream begins anew; it is empty if
	// they come from nowhere.
	refill string
}

// streams are those on disk, by name. LEASES is in memory.
func (s Streams) streams() map[string]storedStream {
	return map[string]storedStream{
		streamName: {
			hub: hubLedger,
			config: func(stored int64) jetstream.StreamConfig {
				o := s.Events
				o.NewBytes = withStored(o.NewBytes, stored)
				return eventsConfig(o)
			},
			differ: func(have jetstream.StreamConfig) []string { return eventsDiffer(have, s.Events) },
			refill: "what has a receipt is in the ledger, and outboxes send the rest again",
		},
		streamDisclosures: {
			hub: hubLedger,
			config: func(stored int64) jetstream.StreamConfig {
				o := s.Disclosures
				o.NewBytes = withStored(o.NewBytes, stored)
				return disclosuresConfig(o)
			},
			differ: func(have jetstream.StreamConfig) []string { return disclosuresDiffer(have, s.Disclosures) },
		},
		streamFeeds: {
			hub:    hubProjections,
			config: func(int64) jetstream.StreamConfig { return feedsConfig(s.Feeds) },
			differ: func(have jetstream.StreamConfig) []string { return feedsDiffer(have, s.Feeds) },
			refill: "all changes of the views are published again",
		},
		streamPositions: {
			hub:    hubProjections,
			config: func(int64) jetstream.StreamConfig { return positionsConfig(s.Feeds) },
			differ: func(jetstream.StreamConfig) []string { return nil },
			refill: "feeds go on after what FEEDS holds",
		},
	}
}

// withStored is how much a stream may hold that was to hold so much when it was made, out of
// a free disk, and holds some already; 0, for the default, stays 0.
func withStored(most, stored int64) int64 {
	if most == 0 {
		return 0
	}
	return most + stored
}

// description is the stream's, as the server stores it.
func (s storedStream) description(stored int64) (*server.FileStreamInfo, error) {
	d := &server.FileStreamInfo{Created: time.Now().UTC()}
	return d, recode(s.config(stored), &d.StreamConfig)
}

// fits reports whether a stored description is of a stream that the node can work with.
func (s storedStream) fits(meta []byte) bool {
	var have jetstream.StreamConfig
	return json.Unmarshal(meta, &have) == nil && len(s.differ(have)) == 0
}

// storedConsumer is a reader's, of one view.
type storedConsumer struct{ config jetstream.ConsumerConfig }

// consumers are those of readers, by name.
func (s Streams) consumers() map[string]storedConsumer {
	all := map[string]storedConsumer{}
	for name, c := range readersConsumers(s.Readers, s.Views) {
		all[name] = storedConsumer{c}
	}
	return all
}

// description is the consumer's, as the server stores it.
func (c storedConsumer) description(name string) (*server.FileConsumerInfo, error) {
	d := &server.FileConsumerInfo{Created: time.Now().UTC(), Name: name}
	return d, recode(c.config, &d.ConsumerConfig)
}

// recode copies a configuration as the client has it into the server's type. The two have
// one form on the wire.
func recode(from, to any) error {
	b, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(b, to)
	}
	if err != nil {
		return fmt.Errorf("describe as the server does: %w", err)
	}
	return nil
}
