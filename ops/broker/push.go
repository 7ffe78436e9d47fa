package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
)

// pushTimeout bounds a push whose context has no deadline.
const pushTimeout = 10 * time.Second

// Push sends the account of operator, as it is in the authority's directory, to
// the server at url, and returns when the server has taken it. It is effective at
// once: no restart, and connections that the account no longer admits are cut.
// In a cluster every server gets it, and the answer is of the first. It may be
// repeated. Without a deadline in ctx it gives up after 10 s.
func (a *Authority) Push(ctx context.Context, url, operator string) error {
	return a.pushMember(ctx, url, operatorMember(operator))
}

// PushReader is [Authority.Push] of a reader's account.
func (a *Authority) PushReader(ctx context.Context, url, reader string) error {
	return a.pushMember(ctx, url, readerMember(reader))
}

func (a *Authority) pushMember(ctx context.Context, url string, m member) error {
	token, err := a.accountToken(m)
	if err == nil {
		err = a.push(ctx, url, map[string]string{m.name: token})
	}
	if err != nil {
		return fmt.Errorf("broker: push account of %s %q to %s: %w", m.kind, m.name, url, err)
	}
	return nil
}

// PushAll sends every account to the server at url, first those that others
// import from: for a server whose account directory is new or was restored.
func (a *Authority) PushAll(ctx context.Context, url string) error {
	// A server must know LEDGER and PROJECTIONS before the accounts that import
	// from them.
	err := a.push(ctx, url, map[string]string{hubLedger: a.hub[hubLedger], hubProjections: a.hub[hubProjections]})
	if err == nil {
		var rest map[string]string
		if rest, err = a.memberTokens(); err == nil {
			rest["(the authority)"] = a.hub[hubAuthority]
			err = a.push(ctx, url, rest)
		}
	}
	if err != nil {
		return fmt.Errorf("broker: push all accounts to %s: %w", url, err)
	}
	return nil
}

// Suspend lets nobody of operator in, and cuts the connections it has, on the
// server at url. The directory is changed first: if the push then fails, the
// error says so, the operator counts as suspended, and Suspend can be repeated.
// It takes a second longer if the account was changed in the second before.
// What the operator's clients see is an authorization error; one that should
// come back by itself after [Authority.Readmit] must not give up at that
// (nats.IgnoreAuthErrorAbort in nats.go).
func (a *Authority) Suspend(ctx context.Context, url, operator string) error {
	if err := a.setSuspended(operatorMember(operator), true); err != nil {
		return fmt.Errorf("broker: suspend operator %q: %w", operator, err)
	}
	return a.Push(ctx, url, operator)
}

// Readmit ends a suspension. The operator's credentials are good again.
func (a *Authority) Readmit(ctx context.Context, url, operator string) error {
	if err := a.setSuspended(operatorMember(operator), false); err != nil {
		return fmt.Errorf("broker: readmit operator %q: %w", operator, err)
	}
	return a.Push(ctx, url, operator)
}

// SuspendReader is [Authority.Suspend] for a reader. Its consumers are another
// matter: see [EnsureReaders].
func (a *Authority) SuspendReader(ctx context.Context, url, reader string) error {
	if err := a.setSuspended(readerMember(reader), true); err != nil {
		return fmt.Errorf("broker: suspend reader %q: %w", reader, err)
	}
	return a.PushReader(ctx, url, reader)
}

// ReadmitReader ends a reader's suspension. Its credentials are good again.
func (a *Authority) ReadmitReader(ctx context.Context, url, reader string) error {
	if err := a.setSuspended(readerMember(reader), false); err != nil {
		return fmt.Errorf("broker: readmit reader %q: %w", reader, err)
	}
	return a.PushReader(ctx, url, reader)
}

func memberKinds() []func(string) member {
	return []func(string) member{operatorMember, readerMember, authorityMember}
}

// memberTokens are the account JWTs of all members, by kind and name.
func (a *Authority) memberTokens() (map[string]string, error) {
	tokens := map[string]string{}
	for _, of := range memberKinds() {
		members, err := a.members(of)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			if tokens[m.kind+" "+m.name], err = a.accountToken(m); err != nil {
				return nil, err
			}
		}
	}
	return tokens, nil
}

func (a *Authority) push(ctx context.Context, url string, tokens map[string]string) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, pushTimeout)
		defer cancel()
	}
	left := pushTimeout
	if d, ok := ctx.Deadline(); ok {
		left = max(time.Until(d), time.Millisecond)
	}
	opts := append(ConnectOptions(RoleSystem, a.CredsFile(RoleSystem)), nats.NoReconnect(), nats.Timeout(left))
	nc, err := nats.Connect(url, opts...)
	switch {
	case errors.Is(err, nats.ErrAuthorization):
		return fmt.Errorf("%w: the server there doesn't run with the configuration of this authority (%s)", err, a.name)
	case err != nil:
		return fmt.Errorf("%w: is the server running there?", err)
	}
	defer nc.Close()
	var errs []error
	for name, token := range tokens {
		if err := pushOne(ctx, nc, token); err != nil {
			errs = append(errs, fmt.Errorf("account of %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

func pushOne(ctx context.Context, nc *nats.Conn, token string) error {
	c, err := jwt.DecodeAccountClaims(token)
	if err != nil {
		return err
	}
	msg, err := nc.RequestWithContext(ctx, subjectClaimsUpdate, []byte(token))
	if errors.Is(err, nats.ErrNoResponders) {
		return fmt.Errorf("%w: the server there has no account directory (resolver of type full)", err)
	} else if err != nil {
		return err
	}
	var answer struct {
		Data *struct {
			Account string `json:"account"`
			Code    int    `json:"code"`
		} `json:"data"`
		Error *struct {
			Code        int    `json:"code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(msg.Data, &answer); err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	switch {
	case answer.Error != nil:
		return fmt.Errorf("the server refused: %s (%d)", answer.Error.Description, answer.Error.Code)
	case answer.Data == nil || answer.Data.Code != 200 || answer.Data.Account != c.Subject:
		return fmt.Errorf("the server's answer isn't understood: %s", msg.Data)
	}
	return nil
}
