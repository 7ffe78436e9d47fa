package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Traffic is what an account's clients have sent since the broker knows them, all
// of it: what the stream took, what it refused, and questions.
type Traffic struct {
	Messages, Bytes uint64
	Connections     int
	Slow            int // how often one was cut off for not reading
}

// Traffic returns what each account's clients have sent, by the account's public
// key. An account that has no connection may be missing, and begin anew from 0.
func (s *Server) Traffic() (map[string]Traffic, error) {
	z, err := s.nats.AccountStatz(nil)
	if err != nil {
		return nil, fmt.Errorf("broker: read what accounts have sent: %w", err)
	}
	sums := map[string]Traffic{}
	add(sums, z.Accounts)
	return sums, nil
}

func add(sums map[string]Traffic, stats []*server.AccountStat) {
	for _, a := range stats {
		t := sums[a.Account]
		t.Messages += uint64(max(a.Received.Msgs, 0))
		t.Bytes += uint64(max(a.Received.Bytes, 0))
		t.Connections += a.Conns
		t.Slow += int(a.SlowConsumers)
		sums[a.Account] = t
	}
}

// AskTraffic is [Server.Traffic] of somebody else's servers: nc is a connection of
// [RoleSystem], and servers how many of them there are to be waited for.
func AskTraffic(ctx context.Context, nc *nats.Conn, servers int) (map[string]Traffic, error) {
	inbox := nc.NewRespInbox()
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, fmt.Errorf("broker: ask what accounts have sent: %w", err)
	}
	defer sub.Unsubscribe()
	if err := nc.PublishRequest(subjectStatz, inbox, nil); err != nil {
		return nil, fmt.Errorf("broker: ask what accounts have sent: %w", err)
	}
	sums := map[string]Traffic{}
	for n := range max(servers, 1) {
		m, err := sub.NextMsgWithContext(ctx)
		if n > 0 && errors.Is(err, context.DeadlineExceeded) {
			break // a server is away: what it counts is none of ours now
		}
		if err != nil {
			return nil, fmt.Errorf("broker: ask what accounts have sent: %w", err)
		}
		var answer struct {
			Data  *server.AccountStatz `json:"data"`
			Error *server.ApiError     `json:"error"`
		}
		if err := json.Unmarshal(m.Data, &answer); err != nil {
			return nil, fmt.Errorf("broker: ask what accounts have sent: read the answer: %w", err)
		}
		if answer.Data == nil {
			return nil, fmt.Errorf("broker: ask what accounts have sent: the server refused: %v", answer.Error)
		}
		add(sums, answer.Data.Accounts)
	}
	return sums, nil
}
