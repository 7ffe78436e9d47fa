package node_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/ledger/http/token"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/reader"
	"github.com/saksi-ledger/saksi/projections/feeds"
)

// watcher is somebody who reads, with what it may see: of the touches, by their
// operations, and of views.
type watcher struct {
	name   string
	signer *events.Signer
	sees   []string // operations
	views  []string
}

// mandated is a node with an operator at two facilities, whose customers are two banks and
// a hospital, and authorities with different mandates.
type mandated struct {
	*world
	nimbus         *party
	lab1, lab2     *chain
	seats          map[string]*party
	homes          map[string]*home.MemberAuthority
	who            []*watcher
	all            []string // operations
	customer, desk *home.Reader
}

var mandates = map[string]events.Mandate{
	"telecom": {Facilities: []string{"lab-1"}, Families: []string{"access", "facility"}},
	"pdp":     {Facilities: []string{"*"}, Families: []string{"access"}},
	"bnm":     {Facilities: []string{"*"}, Families: []string{"*"}, Sectors: []string{"banking"}},
}

func newMandated(t *testing.T) *mandated {
	m := &mandated{world: newWorld(t), seats: map[string]*party{}, homes: map[string]*home.MemberAuthority{}}
	w := m.world
	_, err := w.registrar.AddFacility(w.ctx, events.FacilityDeclared{Facility: "lab-2", Country: "MY"})
	w.must(err)
	m.nimbus = w.enrol("nimbus-my", "lab-1",
		events.RecorderDeclared{Recorder: bastionName, Kind: events.RecorderBastion},
		events.RecorderDeclared{Recorder: "nimbus-my/lab-2/bastion-1", Kind: events.RecorderBastion})
	m.lab1, m.lab2 = newChain(w, bastionName), newChain(w, "nimbus-my/lab-2/bastion-1")
	for _, d := range []events.TenantDeclared{{Tenant: "bank-1", Sector: "banking"}, {Tenant: "T-9", Operator: "nimbus-my", Sector: "banking"}, {Tenant: "hospital-1", Sector: "health"}} {
		_, err := w.registrar.AddTenant(w.ctx, d)
		w.must(err)
	}
	for name, mandate := range mandates {
		m.seats[name], m.homes[name] = w.enrolSeat(name, mandate)
		m.who = append(m.who, &watcher{name: name, signer: m.seats[name].signer})
	}
	m.customer = m.let("bank-one", home.ReadingMandate{Role: home.Customer, Tenants: []string{"bank-1"}})
	m.desk = m.let("telecom-desk", home.ReadingMandate{Role: home.Supervisor, Authority: "telecom"})
	for _, w := range m.who {
		switch w.name {
		case "telecom", "telecom-desk":
			w.views = []string{"touches", "sessions", "facilities", "tenants", "findings", "reveals", "orders"}
		case "pdp":
			w.views = []string{"touches", "sessions", "tenants", "findings", "reveals", "orders"}
		default:
			w.views = []string{"touches", "sessions", "tenants"}
		}
	}
	return m
}

// let lets a reader in.
func (m *mandated) let(name string, mandate home.ReadingMandate) *home.Reader {
	m.Helper()
	h, err := home.NewReader(filepath.Join(m.TempDir(), name), name)
	m.must(err)
	m.letIn(h, mandate)
	signer, err := h.Signer()
	m.must(err)
	m.who = append(m.who, &watcher{name: name, signer: signer})
	return h
}

func (m *mandated) letIn(h *home.Reader, mandate home.ReadingMandate) {
	m.Helper()
	request, err := home.ReadRequest(h.RequestFile())
	m.must(err)
	readership, err := authority.OpenReadership(m.home)
	m.must(err)
	grant, err := readership.Add(m.ctx, request, mandate)
	m.must(err)
	file := filepath.Join(m.TempDir(), "grant.json")
	m.must(home.WriteJSON(file, grant, 0o600))
	_, err = h.Join(file, "")
	m.must(err)
}

// touch has the operator publish an envelope, a touch of each tenant; an operation is named after
// its facility and tenant.
func (m *mandated) touch(c *chain, tenants ...string) entry {
	m.Helper()
	var lines [][]byte
	for _, tenant := range tenants {
		facility := c.recorder.Facility
		operation := fmt.Sprintf("op-%d-%s-%s", len(m.all), facility, tenant)
		m.all = append(m.all, operation)
		var id [16]byte
		rand.Read(id[:])
		e, err := events.NewEvent(c.recorder, events.TypeAccessPerformed, hex.EncodeToString(id[:]), time.Now(), events.AccessPerformed{
			Actor:     events.Actor{ID: "p-1", Kind: events.KindPerson, Party: events.PartyOperator, EmployerCountry: "MY", OfficeCountry: "MY", PhysicalCountry: "MY"},
			Operation: operation, Access: events.AccessAdmin, Outcome: events.OutcomeSuccess,
			Reason: events.Reason{Code: events.ReasonUnstated}, Mode: events.ModeRemote, From: events.From{Country: "MY"}, Tenant: tenant,
		}, rand.Reader)
		m.must(err)
		line, err := e.Marshal()
		m.must(err)
		lines = append(lines, line)
		bank := tenant == "bank-1" || tenant == "T-9"
		for _, w := range m.who {
			if w.name == "pdp" || strings.HasPrefix(w.name, "telecom") && facility == "lab-1" || w.name == "bnm" && bank || w.name == "bank-one" && tenant == "bank-1" {
				w.sees = append(w.sees, operation)
			}
		}
	}
	e, err := events.Seal(&events.Manifest{Recorder: c.recorder, Incarnation: 1, First: c.next, Previous: c.previous}, lines, m.nimbus.signer)
	m.must(err)
	c.next, c.previous = e.Manifest.Last()+1, e.ManifestDigest()
	return m.leafOf(m.publish(m.nimbus, c.recorder.Subject(), e.Marshal()))
}

// get asks the API in somebody's name. Whatever it answers must not hold an operation
// that isn't that one's to see.
func (m *mandated) get(w *watcher, path string) (int, []byte) {
	m.Helper()
	text, err := token.Mint(w.signer, w.name, m.home.Origin, time.Now(), time.Minute)
	m.must(err)
	request, err := http.NewRequestWithContext(m.ctx, http.MethodGet, m.addresses.HTTP+path, nil)
	m.must(err)
	request.Header.Set("Authorization", "Bearer "+text)
	response, err := http.DefaultClient.Do(request)
	m.must(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	m.must(err)
	m.leaks(w, path, body)
	return response.StatusCode, body
}

func (m *mandated) leaks(w *watcher, where string, text []byte) {
	m.Helper()
	for _, operation := range m.all {
		if strings.Contains(string(text), operation) && !slices.Contains(w.sees, operation) {
			m.Errorf("%s, %s: %s is there", w.name, where, operation)
		}
	}
	for _, alias := range []string{"hospital-1", "T-9"} {
		if strings.Contains(string(text), alias) && !slices.ContainsFunc(w.sees, func(s string) bool { return strings.HasSuffix(s, alias) }) {
			m.Errorf("%s, %s: %s is there", w.name, where, alias)
		}
	}
}

// shown are the pages of a view, one row each, as somebody gets them: rows, and whether
// there are more.
func (m *mandated) shown(w *watcher, view string) (rows []string) {
	m.Helper()
	for path := "/v1/views/" + view + "?limit=1&order=asc"; path != ""; {
		status, body := m.get(w, path)
		var page struct {
			Rows []json.RawMessage
			Next string
		}
		if err := json.Unmarshal(body, &page); err != nil || status != 200 {
			m.Fatalf("%s, %s: %d %s", w.name, path, status, body)
		}
		if len(page.Rows) == 0 && page.Next != "" {
			m.Errorf("%s, %s: a page without rows has a next", w.name, view)
		}
		for _, row := range page.Rows {
			rows = append(rows, string(row))
		}
		if path = ""; page.Next != "" {
			path = "/v1/views/" + view + "?limit=1&order=asc&cursor=" + page.Next
		}
	}
	return rows
}

func (m *mandated) awaitTouches() {
	m.Helper()
	pdp := m.who[slices.IndexFunc(m.who, func(w *watcher) bool { return w.name == "pdp" })]
	m.until("the views to have all touches", func() bool { return len(m.shown(pdp, "touches")) == len(m.all) })
}

// Each authority, customer and reader sees over HTTP what is in its mandate: in pages,
// exports, streams and bodies; and not even whether there is more.
func TestMandatesOverHTTP(t *testing.T) {
	m := newMandated(t)
	mixed := m.touch(m.lab1, "", "bank-1", "hospital-1")
	m.touch(m.lab2, "T-9", "hospital-1")
	banks := m.touch(m.lab2, "bank-1")
	m.touch(m.lab1, "undeclared")
	m.awaitTouches()
	every := []string{"touches", "sessions", "facilities", "completeness", "corrections", "tenants", "findings", "reveals", "orders"}
	before := map[string]string{}
	for _, w := range m.who {
		if rows := m.shown(w, "touches"); len(rows) != len(w.sees) {
			t.Errorf("%s sees %d touches, want %d", w.name, len(rows), len(w.sees))
		}
		status, body := m.get(w, "/v1/views/touches?format=csv&limit=1000")
		if status != 200 || strings.Count(string(body), "\r\n") != len(w.sees)+1 {
			t.Errorf("%s: %d, as CSV %s", w.name, status, body)
		}
		for _, view := range every {
			want := 403
			if slices.Contains(w.views, view) {
				want = 200
			}
			if status, body := m.get(w, "/v1/views/"+view); status != want {
				t.Errorf("%s, %s: %d, want %d: %s", w.name, view, status, want, body)
			}
			if want == 200 {
				before[w.name+" "+view] = strings.Join(m.shown(w, view), "\n")
			} else if status, _ := m.get(w, "/v1/feeds/"+view+"/events"); status != 403 {
				t.Errorf("%s, the feed of %s: %d", w.name, view, status)
			}
		}
		_, body = m.get(w, "/v1/views")
		for _, view := range every {
			if strings.Contains(string(body), `"/v1/views/`+view+`"`) != slices.Contains(w.views, view) {
				t.Errorf("%s: %s is among the views, or isn't", w.name, view)
			}
		}
		m.bodies(w, mixed.index, banks.index)
		if got := m.streamed(w, len(w.sees)); len(got) != len(w.sees) {
			t.Errorf("%s has %d changes over HTTP, want %d", w.name, len(got), len(w.sees))
		}
	}
	for who, want := range map[string]string{"telecom": "lab-1", "telecom-desk": "lab-1"} {
		w := m.who[slices.IndexFunc(m.who, func(w *watcher) bool { return w.name == who })]
		if rows := m.shown(w, "facilities"); len(rows) != 1 || !strings.Contains(rows[0], want) || strings.Contains(rows[0], "lab-2") {
			t.Errorf("%s sees facilities %v", who, rows)
		}
	}

	// What others get more of changes nothing in what one sees.
	m.touch(m.lab2, "hospital-1", "undeclared", "hospital-1")
	m.awaitTouches()
	for _, w := range m.who {
		if w.name == "pdp" {
			continue
		}
		for _, view := range w.views {
			if now := strings.Join(m.shown(w, view), "\n"); now != before[w.name+" "+view] {
				t.Errorf("%s, %s: was\n%s\nis\n%s", w.name, view, before[w.name+" "+view], now)
			}
		}
	}

	// A customer that passes to another sector passes out of sight, and so does a facility.
	if _, err := m.registrar.AddTenant(m.ctx, events.TenantDeclared{Tenant: "bank-1", Sector: "holding"}); err != nil {
		t.Fatal(err)
	}
	request, err := home.ReadRequest(m.homes["telecom"].RequestFile())
	m.must(err)
	m.grantSeat(m.homes["telecom"], request, events.Mandate{Facilities: []string{"lab-2"}, Families: []string{"facility"}})
	for _, w := range m.who {
		switch w.name {
		case "bnm":
			w.sees = slices.DeleteFunc(w.sees, func(s string) bool { return !strings.HasSuffix(s, "T-9") })
			m.until("the bank to be out of sight", func() bool {
				_, body := m.get(&watcher{name: w.name, signer: w.signer, sees: m.all}, "/v1/views/touches")
				return !strings.Contains(string(body), "bank-1")
			})
			if rows := m.shown(w, "touches"); len(rows) != len(w.sees) {
				t.Errorf("%s sees %v", w.name, rows)
			}
		case "telecom", "telecom-desk":
			w.sees = nil
			m.until("touches to be out of sight", func() bool { status, _ := m.get(w, "/v1/views/touches"); return status == 403 })
			if rows := m.shown(w, "facilities"); len(rows) != 1 || !strings.Contains(rows[0], "lab-2") {
				t.Errorf("%s sees facilities %v", w.name, rows)
			}
		}
	}
	m.audit()
}

// bodies asks for all bodies, whole and event by event.
func (m *mandated) bodies(w *watcher, mixed, banks uint64) {
	m.Helper()
	status, body := m.get(w, "/bodies?from=0&count=256")
	if w.name == "bank-one" {
		if status != 403 {
			m.Errorf("a customer reads bodies: %d", status)
		}
		if status, _ := m.get(w, fmt.Sprintf("/v1/entries/%d?body=true", banks)); status != 403 {
			m.Errorf("a customer reads a body: %d", status)
		}
		return
	}
	if status != 200 {
		m.Fatalf("%s: bodies: %d %s", w.name, status, body)
	}
	whole := map[uint64]bool{}
	for n := uint64(0); len(body) >= 4; n++ {
		length := binary.BigEndian.Uint32(body)
		body = body[4:]
		if length != 1<<32-1 {
			whole[n], body = true, body[length:]
		}
	}
	// Genesis, and who may speak, is everybody's; a mixed envelope is nobody's whose mandate doesn't have all of it.
	if !whole[0] || whole[mixed] != (w.name != "bnm") || whole[banks] != (w.name == "pdp" || w.name == "bnm") {
		m.Errorf("%s has the bodies %v", w.name, whole)
	}
	status, body = m.get(w, fmt.Sprintf("/v1/entries/%d?body=true", mixed))
	var entry struct {
		Sent struct{ Lines []string }
	}
	m.must(json.Unmarshal(body, &entry))
	shown := 0
	for _, line := range entry.Sent.Lines {
		if line != "" {
			shown++
		}
	}
	if want := map[bool]int{true: 1, false: 3}[w.name == "bnm"]; status != 200 || len(entry.Sent.Lines) != 3 || shown != want {
		m.Errorf("%s has %d lines of the mixed envelope, want %d: %d %s", w.name, shown, want, status, body)
	}
	want := 403
	if w.name == "pdp" || w.name == "bnm" {
		want = 200
	}
	if status, _ := m.get(w, fmt.Sprintf("/v1/entries/%d?body=true", banks)); status != want {
		m.Errorf("%s, the body of a bank at lab-2: %d, want %d", w.name, status, want)
	}
}

// streamed reads changes of touches until there are as many as wanted, and then whether
// there is one more when a mark says how far it is.
func (m *mandated) streamed(w *watcher, want int) (got []string) {
	m.Helper()
	text, err := token.Mint(w.signer, w.name, m.home.Origin, time.Now(), time.Minute)
	m.must(err)
	request, err := http.NewRequestWithContext(m.ctx, http.MethodGet, m.addresses.HTTP+"/v1/feeds/touches/events", nil)
	m.must(err)
	request.Header.Set("Authorization", "Bearer "+text)
	response, err := http.DefaultClient.Do(request)
	m.must(err)
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for len(got) < want && lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			m.leaks(w, "the feed", []byte(data))
			if strings.Contains(data, `"change"`) {
				m.Errorf("%s: a change has its number: %s", w.name, data)
			}
			got = append(got, data)
		}
	}
	return got
}

// At the broker, authorities have what they need to speak, and readers who are bounded to
// customers, or are another authority's, have no feed, however they ask.
func TestMandatesAtTheBroker(t *testing.T) {
	m := newMandated(t)
	m.touch(m.lab1, "bank-1")
	m.awaitTouches()
	type client struct {
		name    string
		nc      *nats.Conn
		heard   chan *nats.Msg
		refused chan error
	}
	var clients []*client
	connect := func(name, creds string) {
		c := &client{name: name, heard: make(chan *nats.Msg, 1024), refused: make(chan error, 1024)}
		grant, err := nats.Connect(m.addresses.NATS, nats.UserCredentials(creds),
			nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { c.refused <- err }))
		m.must(err)
		t.Cleanup(grant.Close)
		c.nc = grant
		clients = append(clients, c)
	}
	for name, h := range m.homes {
		connect(name, h.CredsFile())
	}
	connect("bank-one", m.customer.CredsFile())
	connect("telecom-desk", m.desk.CredsFile())
	for _, c := range clients {
		for _, subject := range []string{">", "feeds.>", "feeds.touches.>", "feeds.touches.lab-1.nimbus-my", "events.>", "registry.>", "receipts.>", "rejections.>", "$JS.>", "disclosures.>"} {
			_, err := c.nc.ChanSubscribe(subject, c.heard)
			m.must(err)
		}
		m.must(c.nc.FlushWithContext(m.ctx))
		for _, subject := range []string{
			"$JS.feeds.API.CONSUMER.INFO.FEEDS." + c.name + "_touches", "$JS.feeds.API.CONSUMER.MSG.NEXT.FEEDS." + c.name + "_touches",
			"$JS.feeds.API.STREAM.INFO.FEEDS", "$JS.API.STREAM.INFO.FEEDS", "$JS.API.STREAM.INFO.EVENTS", "$JS.API.STREAM.MSG.GET.EVENTS", "$JS.API.DIRECT.GET.FEEDS",
			"registry.mcmc", "events.nimbus-my.lab-1.bastion-1", "receipts.nimbus-my.head", "receipts.registry.mcmc.head", "feeds.touches.lab-1.nimbus-my",
		} {
			ctx, cancel := context.WithTimeout(m.ctx, 150*time.Millisecond)
			answer, err := c.nc.RequestWithContext(ctx, subject, []byte(`{"v":1}`))
			cancel()
			var said struct {
				Error *struct {
					Code int `json:"code"`
				} `json:"error"`
			}
			if err == nil && (json.Unmarshal(answer.Data, &said) != nil || said.Error == nil) {
				t.Errorf("%s asked %s and was told %s", c.name, subject, answer.Data)
			}
		}
	}
	m.touch(m.lab1, "bank-1", "")
	m.touch(m.lab2, "bank-1", "T-9")
	m.awaitTouches()
	// Feeds have them too, once somebody who may has heard: a reader of the owner's.
	all := m.let("all-eyes", home.ReadingMandate{Role: home.Analyst, Families: []string{"access"}})
	m.until("the changes to be in the feed", func() bool {
		file := filepath.Join(t.TempDir(), "all")
		err := reader.Watch(m.ctx, all, reader.WatchOptions{View: "touches", Output: file, Idle: 500 * time.Millisecond})
		m.must(err)
		text, err := os.ReadFile(file)
		m.must(err)
		return strings.Count(string(text), "\n") == len(m.all)
	})
	for _, c := range clients {
		m.must(c.nc.FlushWithContext(m.ctx))
		for len(c.heard) > 0 {
			if msg := <-c.heard; msg.Subject != "checkpoints" && msg.Subject != "anchors" && !strings.HasPrefix(msg.Subject, "_INBOX.") {
				t.Errorf("%s heard %s: %s", c.name, msg.Subject, msg.Data)
			}
		}
		if len(c.refused) == 0 {
			t.Errorf("%s was refused nothing", c.name)
		}
	}
	// One whose families leave views out has no consumer of those.
	if err := reader.Watch(m.ctx, all, reader.WatchOptions{View: "facilities"}); err == nil || !strings.Contains(err.Error(), "no feed") {
		t.Errorf("a reader of access events watches facilities: %v", err)
	}
}

// A feed over HTTP, broken off at any moment and over a restart of the node, brings each
// change once, and whatever is beyond the mandate never.
func TestWatchOverHTTP(t *testing.T) {
	m := newMandated(t)
	seat := m.homes["bnm"]
	w := m.who[slices.IndexFunc(m.who, func(w *watcher) bool { return w.name == "bnm" })]
	options := reader.WatchOptions{View: "touches", Output: filepath.Join(t.TempDir(), "touches.jsonl"), Token: func() (string, error) {
		return token.Mint(w.signer, w.name, m.home.Origin, time.Now(), time.Minute)
	}}
	lines := func() []string {
		text, err := os.ReadFile(options.Output)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		m.must(err)
		m.leaks(w, "the file", text)
		return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	}
	follow := func() {
		for n := 0; len(lines()) < len(w.sees); n++ {
			ctx, cancel := context.WithTimeout(m.ctx, time.Duration(10+n*7%60)*time.Millisecond)
			m.must(reader.Watch(ctx, seat, options))
			cancel()
			if m.ctx.Err() != nil {
				t.Fatalf("%d changes of %d came", len(lines()), len(w.sees))
			}
		}
	}
	for range 3 {
		m.touch(m.lab1, "bank-1", "", "hospital-1", "bank-1")
		m.touch(m.lab2, "T-9", "undeclared")
	}
	follow()
	m.stop()
	m.start()
	m.until("the operator to be connected", m.nimbus.nc.IsConnected)
	m.touch(m.lab1, "hospital-1", "bank-1")
	follow()
	got := lines()
	for i, operation := range w.sees {
		if i >= len(got) || !strings.Contains(got[i], `"`+operation+`"`) {
			t.Fatalf("line %d is not of %s: %v", i, operation, got)
		}
	}
	if len(got) != len(w.sees) {
		t.Errorf("%d lines, want %d", len(got), len(w.sees))
	}
	// One that is printed goes on where it was, too.
	printed := 0
	o := options
	o.Output, o.Count, o.Print = "", 1, func(messages []feeds.Message) error { printed += len(messages); return nil }
	for range w.sees {
		m.must(reader.Watch(m.ctx, seat, o))
	}
	o.Count, o.Idle = 0, 300*time.Millisecond
	m.must(reader.Watch(m.ctx, seat, o))
	if printed != len(w.sees) {
		t.Errorf("%d were printed, want %d", printed, len(w.sees))
	}
	// A mark of nobody's is refused, and says what to do.
	m.must(os.WriteFile(options.Output, []byte(`{"specversion":"1.0","id":"touches/3/7"}`+"\n"), 0o600))
	if err := reader.Watch(m.ctx, seat, options); err == nil || !strings.Contains(err.Error(), "no id of an event of this feed") {
		t.Errorf("a mark that isn't sealed: %v", err)
	}
}
