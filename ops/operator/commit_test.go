package operator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/committed"
	"github.com/saksi-ledger/saksi/ops/authority"
	"github.com/saksi-ledger/saksi/ops/broker"
	"github.com/saksi-ledger/saksi/ops/home"
	"github.com/saksi-ledger/saksi/ops/operator"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// joined returns an operator's home that has joined a ledger whose node doesn't run.
func joined(t *testing.T) *home.Operator {
	t.Helper()
	dir := t.TempDir()
	ledger, err := authority.Init(t.Context(), filepath.Join(dir, "authority"), authority.Plan{Origin: "ledger.example.my/commit", Jurisdiction: "MY", Name: "mcmc"})
	must(t, err)
	trust, err := ledger.Trust()
	must(t, err)
	h, err := home.NewOperator(filepath.Join(dir, "nimbus"), "nimbus-my")
	must(t, err)
	request, err := home.ReadRequest(h.RequestFile())
	must(t, err)
	accounts, err := broker.Open(ledger.BrokerDir())
	must(t, err)
	admitted, err := accounts.Admit(h.Name, request.Connection, broker.Limits{})
	must(t, err)
	grant := filepath.Join(dir, "grant.json")
	must(t, home.WriteJSON(grant, home.Grant{V: 1, Role: home.RoleOperator, Name: h.Name, Authority: "mcmc", Connection: request.Connection, User: admitted.UserJWT, NATS: "nats://127.0.0.1:1", HTTP: "http://127.0.0.1:1", Ledger: trust.Ledgers[0]}, 0o600))
	_, err = h.Join(grant, "")
	must(t, err)
	return h
}

func openDesk(t *testing.T, h *home.Operator) *operator.Client {
	t.Helper()
	d, err := operator.Open(t.Context(), h)
	must(t, err)
	return d
}

// batch is a file of n hand-made events, and the commitment to them.
func batch(t *testing.T, n int) operator.Commit {
	t.Helper()
	var file bytes.Buffer
	for i := range n {
		fmt.Fprintf(&file, `{"type":"saksi.access.zone.entered.v1","time":"2026-11-20T12:00:%02dZ","data":{"actor":{"id":"p-%d","kind":"person","party":"vendor","employerCountry":"SG","officeCountry":"MY","physicalCountry":"MY"},"zone":"hall-2","door":"d-1","outcome":"success"}}`+"\n", i%60, i)
	}
	path := filepath.Join(t.TempDir(), "visits.jsonl")
	must(t, os.WriteFile(path, file.Bytes(), 0o600))
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/bastion-1")
	must(t, err)
	return operator.Commit{System: "events", Recorder: recorder, Paths: []string{path}}
}

// commitments are those in the outbox.
func commitments(t *testing.T, d *operator.Client) (out []events.AccessCommitted) {
	t.Helper()
	var parcel bytes.Buffer
	_, _, err := d.Export(context.Background(), &parcel)
	must(t, err)
	status, err := d.Outbox.Status(context.Background())
	must(t, err)
	var waiting int64
	for _, r := range status.Recorders {
		waiting += r.Pending.Events
	}
	for line := range strings.Lines(parcel.String()) {
		var sent struct {
			Body []byte `json:"body"`
		}
		if json.Unmarshal([]byte(line), &sent) != nil || len(sent.Body) == 0 {
			continue
		}
		envelope, err := events.ParseEnvelope(sent.Body)
		must(t, err)
		for _, line := range envelope.Lines {
			event, err := events.ParseEvent(line)
			must(t, err)
			var c events.AccessCommitted
			must(t, json.Unmarshal(event.Data, &c))
			out = append(out, c)
		}
	}
	if int64(len(out)) != waiting {
		t.Fatalf("%d commitments in the parcel, %d events wait", len(out), waiting)
	}
	return out
}

// Each write of a commitment fails twice, after it took effect and before; whatever is in
// the outbox then, the home has what it commits to, and doing it again leads to one
// commitment.
func TestCommitFaults(t *testing.T) {
	for _, write := range []string{"records", "batch", "outbox"} {
		for _, persisted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, persisted %v", write, persisted), func(t *testing.T) {
				h, what := joined(t), batch(t, 5)
				d := openDesk(t, h)
				d.FailCommit(write, persisted)
				if _, err := d.Commit(t.Context(), what); !errors.Is(err, operator.ErrFault) {
					t.Fatalf("commit: %v", err)
				}
				held := func(want int) {
					t.Helper()
					all := commitments(t, d)
					if len(all) != want {
						t.Fatalf("%d commitments, want %d", len(all), want)
					}
					for _, c := range all {
						if _, err := d.OpenBatch(c.Batch, int(c.Count)); err != nil {
							t.Fatalf("what was published can't be opened: %v", err)
						}
					}
				}
				published := 0
				if write == "outbox" && persisted {
					published = 1
				}
				held(published)
				must(t, d.Close())
				d = openDesk(t, h)
				defer d.Close()
				held(published)
				done, err := d.Commit(t.Context(), what)
				if err != nil || done.New != (published == 0) {
					t.Fatalf("again: %+v, %v", done, err)
				}
				held(1)
				for _, path := range files(t, h.CommittedDir()) {
					if strings.HasPrefix(filepath.Base(path), ".") {
						t.Errorf("%s was left", path)
					}
				}
			})
		}
	}
}

func files(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		info, err := e.Info()
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", e.Name(), info.Mode().Perm())
		}
		out = append(out, filepath.Join(dir, e.Name()))
	}
	return out
}

// What is kept opens to what was read, and nothing that was published repeats any of it.
func TestCommit(t *testing.T) {
	h, what := joined(t), batch(t, 70)
	d := openDesk(t, h)
	defer d.Close()
	done, err := d.Commit(t.Context(), what)
	must(t, err)
	if !done.New || done.Count != 70 || len(done.Totals) != 1 || done.Totals[0] != (events.ClassTotal{Class: events.TypeZoneEntered, Count: 70}) ||
		done.Window.From.UTC().Format("15:04:05") != "12:00:00" || done.Window.To.UTC().Format("15:04:05") != "12:01:00" {
		t.Fatalf("%+v", done)
	}
	records, err := d.OpenBatch(done.Batch.Batch, 70)
	must(t, err)
	logged, err := os.ReadFile(what.Paths[0])
	must(t, err)
	lines := bytes.Split(bytes.TrimSpace(logged), []byte("\n"))
	for i, record := range records {
		native, err := committed.Native(record)
		if err != nil || !bytes.Equal(native, lines[i]) {
			t.Fatalf("record %d is %s, %v", i, native, err)
		}
	}
	// The same again is the same batch; one record more is another.
	again, err := d.Commit(t.Context(), what)
	if err != nil || again.New || again.Batch.Batch != done.Batch.Batch {
		t.Fatalf("again: %+v, %v", again, err)
	}
	other, err := d.Commit(t.Context(), batch(t, 71))
	if err != nil || !other.New || other.Root == done.Root {
		t.Fatalf("one more: %+v, %v", other, err)
	}
	if all := commitments(t, d); len(all) != 2 || len(files(t, h.CommittedDir())) != 4 {
		t.Fatalf("%d commitments, files %v", len(all), files(t, h.CommittedDir()))
	}
	// What was lost or changed is not taken for what was committed to.
	i := slices.IndexFunc(files(t, h.CommittedDir()), func(path string) bool { return strings.HasSuffix(path, ".records") })
	path := files(t, h.CommittedDir())[i]
	kept, err := os.ReadFile(path)
	must(t, err)
	kept[len(kept)/2] ^= 1
	must(t, os.WriteFile(path, kept, 0o600))
	_, err1 := d.OpenBatch(done.Batch.Batch, 70)
	_, err2 := d.OpenBatch(other.Batch.Batch, 71)
	if (err1 == nil) == (err2 == nil) {
		t.Fatalf("one batch was changed: %v, %v", err1, err2)
	}
}

// What can't be committed to leaves nothing behind.
func TestCommitRefuses(t *testing.T) {
	h := joined(t)
	d := openDesk(t, h)
	defer d.Close()
	long := batch(t, 1)
	text, err := os.ReadFile(long.Paths[0])
	must(t, err)
	must(t, os.WriteFile(long.Paths[0], bytes.Replace(text, []byte("hall-2"), bytes.Repeat([]byte("x"), committed.MaxRecord), 1), 0o600))
	empty := batch(t, 1)
	must(t, os.WriteFile(empty.Paths[0], nil, 0o600))
	unknown := batch(t, 1)
	unknown.System = "syslog"
	for _, what := range []operator.Commit{long, empty, unknown, {System: "events", Recorder: long.Recorder, Paths: []string{"nowhere"}}} {
		if done, err := d.Commit(t.Context(), what); err == nil {
			t.Errorf("%s was committed to: %+v", what.Paths[0], done)
		}
	}
	if left := files(t, h.CommittedDir()); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// Real logs are committed to whole, each record as it stands there.
func TestCommitRealLogs(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "data", "cloudtrail", "invictus")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the invictus logs are not beside the repository (../shared/data/cloudtrail/invictus): nothing was tested")
	}
	h := joined(t)
	d := openDesk(t, h)
	defer d.Close()
	recorder, err := events.ParseRecorder("nimbus-my/lab-1/cloudtrail")
	must(t, err)
	what := operator.Commit{System: "cloudtrail", Recorder: recorder, Paths: []string{dir}}
	done, err := d.Commit(t.Context(), what)
	must(t, err)
	var sum events.Integer
	for _, total := range done.Totals {
		sum += total.Count
	}
	if !done.New || done.Count < 1000 || int64(sum) != done.Count || len(done.Damage) > 0 || done.System != "aws.cloudtrail" {
		t.Fatalf("%+v", done)
	}
	records, err := d.OpenBatch(done.Batch.Batch, int(done.Count))
	must(t, err)
	longest := 0
	for _, record := range records {
		native, err := committed.Native(record)
		must(t, err)
		if !json.Valid(native) {
			t.Fatalf("%.100q is no record", native)
		}
		longest = max(longest, len(record))
	}
	t.Logf("%d records, the longest %d bytes when it is salted", done.Count, longest)
	if again, err := d.Commit(t.Context(), what); err != nil || again.New || again.Root != done.Root {
		t.Errorf("again: %+v, %v", again, err)
	}
}
