package broker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
)

// A party that is held has an account in which no connection may be open. What
// it may have otherwise stands in the account's tags, so that all there is to
// know about a hold is in the one file that is signed and replaced whole: a node
// that is killed finds at its next start who is held, and until when.
//
// A hold isn't a suspension. No authority decided it, the registry doesn't know of
// it, and it ends; a client that is refused gets another error, which tells it to
// come back.
const (
	tagHeldUntil   = "held-until:"
	tagHeldStrikes = "held-strikes:"
	tagHeldConns   = "held-connections:"
)

// Held is a party whose connections were cut for a time.
type Held struct {
	// Party is an operator's name, or registry.<authority>.
	Party string
	Until time.Time
	// Strikes is how many holds in a row this is.
	Strikes int
}

// partyMember is whoever publishes as party: an operator, or an authority with a
// seat.
func partyMember(party string) member {
	if name, ok := strings.CutPrefix(party, "registry."); ok {
		return authorityMember(name)
	}
	return operatorMember(party)
}

// Hold cuts the connections of a party and lets it open none, on the server at
// url, until [Authority.Release]. The directory is changed first. It may be
// repeated, for another time. The error is [ErrSuspended] if the party is suspended
// anyway.
func (a *Authority) Hold(ctx context.Context, url string, h Held) error {
	return a.hold(h, func(m member) error { return a.pushMember(ctx, url, m) })
}

// Hold is [Authority.Hold] at the embedded server: at once, while a connection to
// it would stand in line behind the flood.
func (s *Server) Hold(a *Authority, h Held) error {
	return a.hold(h, func(m member) error { return s.take(a, m) })
}

// Release is [Authority.Release] at the embedded server.
func (s *Server) Release(a *Authority, party string) error {
	return a.let(party, func(m member) error { return s.take(a, m) })
}

// take has the server take a member's account as it is in the authority's directory.
func (s *Server) take(a *Authority, m member) error {
	c, err := a.account(m)
	if err != nil {
		return err
	}
	token, err := a.accountToken(m)
	if err != nil {
		return err
	}
	return s.accounts.Store(c.Subject, token)
}

func (a *Authority) hold(h Held, push func(member) error) error {
	err := a.changeHold(partyMember(h.Party), func(c *jwt.AccountClaims) bool {
		release(c)
		hold(c, h)
		return true
	})
	if err == nil {
		err = push(partyMember(h.Party))
	}
	if err != nil {
		return fmt.Errorf("broker: hold %s: %w", h.Party, err)
	}
	return nil
}

// Release ends a hold. It does nothing to a party that isn't held.
func (a *Authority) Release(ctx context.Context, url, party string) error {
	return a.let(party, func(m member) error { return a.pushMember(ctx, url, m) })
}

func (a *Authority) let(party string, push func(member) error) error {
	var held bool
	err := a.changeHold(partyMember(party), func(c *jwt.AccountClaims) bool {
		held = release(c)
		return held
	})
	if err == nil && held {
		err = push(partyMember(party))
	}
	if err != nil {
		return fmt.Errorf("broker: release %s: %w", party, err)
	}
	return nil
}

func (a *Authority) changeHold(m member, change func(*jwt.AccountClaims) bool) error {
	if err := checkName(m.kind, m.name); err != nil {
		return err
	}
	unlock, err := a.lock()
	if err != nil {
		return err
	}
	defer unlock()
	c, err := a.account(m)
	if err != nil {
		return err
	}
	if isSuspended(c) {
		return ErrSuspended
	}
	if !change(c) {
		return nil
	}
	return a.saveAccount(m, c)
}

// hold puts a hold into claims that have none.
func hold(c *jwt.AccountClaims, h Held) {
	c.Tags.Add(tagHeldUntil+strconv.FormatInt(h.Until.Unix(), 10), tagHeldStrikes+strconv.Itoa(h.Strikes),
		tagHeldConns+strconv.FormatInt(c.Limits.Conn, 10))
	c.Limits.Conn = 0
}

// release takes a hold out of claims, and says whether there was one.
func release(c *jwt.AccountClaims) bool {
	if _, held := heldTag(c, tagHeldUntil); !held {
		return false
	}
	c.Limits.Conn = int64(limitsOf(c).Connections)
	var tags jwt.TagList
	for _, t := range c.Tags {
		if !strings.HasPrefix(t, tagHeldUntil) && !strings.HasPrefix(t, tagHeldStrikes) && !strings.HasPrefix(t, tagHeldConns) {
			tags = append(tags, t)
		}
	}
	c.Tags = tags
	return true
}

func heldTag(c *jwt.AccountClaims, tag string) (int64, bool) {
	for _, t := range c.Tags {
		if v, ok := strings.CutPrefix(t, tag); ok {
			n, err := strconv.ParseInt(v, 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

func heldOf(party string, c *jwt.AccountClaims) (Held, bool) {
	until, held := heldTag(c, tagHeldUntil)
	if !held {
		return Held{}, false
	}
	strikes, _ := heldTag(c, tagHeldStrikes)
	return Held{Party: party, Until: time.Unix(until, 0).UTC(), Strikes: int(strikes)}, true
}

// Party is somebody who may publish, with the public key of the account that the
// broker counts its messages under.
type Party struct {
	Name        string // an operator's name, or registry.<authority>
	Account     string
	Connections int // as many as it may have
}

// Parties lists those who publish from accounts of their own.
func (a *Authority) Parties() ([]Party, error) {
	var all []Party
	err := a.eachParty(func(party string, c *jwt.AccountClaims) {
		all = append(all, Party{Name: party, Account: c.Subject, Connections: limitsOf(c).Connections})
	})
	return all, err
}

// Holds lists who is held, as the directory has it.
func (a *Authority) Holds() ([]Held, error) {
	var all []Held
	err := a.eachParty(func(party string, c *jwt.AccountClaims) {
		if h, held := heldOf(party, c); held && !isSuspended(c) {
			all = append(all, h)
		}
	})
	return all, err
}

func (a *Authority) eachParty(do func(party string, c *jwt.AccountClaims)) error {
	for prefix, of := range map[string]func(string) member{"": operatorMember, "registry.": authorityMember} {
		members, err := a.members(of)
		if err != nil {
			return err
		}
		for _, m := range members {
			c, err := a.account(m)
			if errors.Is(err, m.unknown) {
				continue // removed meanwhile
			}
			if err != nil {
				return fmt.Errorf("broker: list parties: %w", err)
			}
			do(prefix+m.name, c)
		}
	}
	return nil
}
