package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"io/fs"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/slowtest"
	"github.com/saksi-ledger/saksi/ops/authority"
)

// holding returns the files below a directory that hold some bytes.
func holding(t *testing.T, dir string, text []byte) (files []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		} else if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		}
		if bytes.Contains(content, text) {
			files = append(files, strings.TrimPrefix(path, dir))
		}
		return err
	}))
	return files
}

// A node that is killed at any moment of an erasure finishes it when it is started again:
// none of the bytes are left in any file, what was beside them is, and everything holds.
func TestKilledWhileErasing(t *testing.T) {
	slowtest.Skip(t, "kills the node in a loop")
	w := newCrashWorld(t, nil)
	seed := uint64(time.Now().UnixNano())
	random := mathrand.New(mathrand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	for round := range crashRounds() {
		// Envelopes of two: the second stays. The markers are of this round.
		gone, kept := fmt.Sprintf("goner-%d-%d", seed, round), fmt.Sprintf("keeper-%d-%d", seed, round)
		w.addMarked(gone, kept)
		w.flush()
		receipt, found, err := w.outbox.ReceiptOf(t.Context(), w.recorder, "marked-"+gone)
		must(t, err)
		if !found {
			t.Fatal("no receipt")
		}
		place := 0
		targets, err := authority.Targets(testContext(t, 5*time.Minute), w.home, receipt.Proof.Index, &place)
		must(t, err)
		if len(holding(t, w.dir, []byte(gone))) == 0 {
			t.Fatal("the marker is nowhere before it is erased")
		}
		registrar, err := authority.OpenRegistrar(testContext(t, 5*time.Minute), w.home)
		must(t, err)
		_, err = registrar.Erase(testContext(t, 5*time.Minute), targets, "court-order", "")
		must(t, err)
		must(t, registrar.Close())
		after := time.Duration(random.IntN(60)) * time.Millisecond
		pause(after)
		w.kill()
		w.start()
		result, hold, err := authority.AwaitErased(testContext(t, 5*time.Minute), w.home, targets)
		if err != nil || hold != "" || len(result.Hits) > 0 {
			w.fail("round %d, killed after %v: %+v, %q, %v", round, after, result, hold, err)
		}
		if left := holding(t, w.dir, []byte(gone)); len(left) > 0 {
			w.fail("round %d, killed after %v: the erased bytes are in %v", round, after, left)
		}
		if len(holding(t, w.dir, []byte(kept))) == 0 {
			w.fail("round %d, killed after %v: what was not erased is gone", round, after)
		}
	}
}

// addMarked adds an event for each marker, which is in it.
func (w *crashWorld) addMarked(markers ...string) {
	w.t.Helper()
	drafts := make([]events.Draft, len(markers))
	for i, marker := range markers {
		e, err := events.NewEvent(w.recorder, events.TypeSessionClosed, "marked-"+marker, time.Now(), map[string]any{
			"session": "s-" + marker, "ended": "normal",
			"actor": map[string]any{"id": "p-1", "kind": "person", "party": "operator", "employerCountry": "??", "officeCountry": "??", "physicalCountry": "??"},
		}, rand.Reader)
		must(w.t, err)
		drafts[i] = events.Draft{Event: e}
	}
	_, err := w.outbox.Add(w.t.Context(), w.recorder, drafts, w.signer)
	must(w.t, err)
}

// saksi runs a command and returns what it prints.
func (w *crashWorld) saksi(args ...string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Minute)
	defer cancel()
	var out, wrong bytes.Buffer
	command := exec.CommandContext(ctx, w.binary, args...)
	command.Stdout, command.Stderr = &out, &wrong
	if err := command.Run(); err != nil {
		w.t.Fatalf("saksi %s: %v\n%s", strings.Join(args, " "), err, &wrong)
	}
	return out.String()
}

// An operator that is killed between a receipt and the disclosure that waits for it sends
// it when it is started again: none is lost.
func TestOperatorKilledBeforeDisclosing(t *testing.T) {
	slowtest.Skip(t, "kills an import in a loop")
	w := newCrashWorld(t, nil)
	dir := filepath.Join(filepath.Dir(w.dir), "strato")
	grant := dir + ".grant"
	w.saksi("enrol", "--home", dir, "strato")
	w.saksi("operator", "add", "--home", w.dir, "--country", "MY", "--output", grant, filepath.Join(dir, "request.json"))
	w.saksi("join", "--home", dir, grant)
	w.saksi("recorder", "add", "--home", w.dir, "--kind", "control-plane", "strato/lab-1/cloudtrail")
	seed := uint64(time.Now().UnixNano())
	random := mathrand.New(mathrand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)

	// Each round is another log, so that there is something to send; enough rounds to have
	// killed it in between, and no more than there are.
	const most, each = 40, 300
	said, between := 0, 0
	for round := 0; round < most && (round < 3 || between == 0); round++ {
		log := filepath.Join(t.TempDir(), "log.json")
		must(t, os.WriteFile(log, trail(said, each), 0o600))
		said += each
		command := exec.Command(w.binary, "import", "--home", dir, "--recorder", "lab-1/cloudtrail", "--party", "operator", "--disclose", "mcmc", "cloudtrail", log)
		must(t, command.Start())
		// At a random moment, or at the first at which there is something in between.
		for end := time.Now().Add(time.Duration(100+random.IntN(3000)) * time.Millisecond); time.Now().Before(end); pause(time.Millisecond) {
			if round%2 == 0 && waitingDisclosures(t, filepath.Join(dir, "outbox.db")) > 0 {
				break
			}
		}
		must(t, command.Process.Kill())
		_ = command.Wait()
		if n := waitingDisclosures(t, filepath.Join(dir, "outbox.db")); n > 0 {
			between++
			t.Logf("round %d: killed with %d disclosures left of events that have receipts", round, n)
		}
		// It goes on at the next start, and what was not read is read.
		w.saksi("import", "--home", dir, "--recorder", "lab-1/cloudtrail", "--party", "operator", "--disclose", "mcmc", "cloudtrail", log)
	}
	if between == 0 {
		t.Fatalf("%d rounds, and it was never killed between a receipt and its disclosure", most)
	}
	w.saksi("outbox", "--home", dir, "flush")
	if n := waitingDisclosures(t, filepath.Join(dir, "outbox.db")); n > 0 {
		t.Errorf("%d disclosures still wait", n)
	}
	opened := 0
	for _, actor := range strings.Fields(w.saksi("view", "--home", w.dir, "--where", "operator=strato", "--limit", "1000", "--format", "csv", "--columns", "actor.id", "touches"))[1:] {
		opened += w.revealed(actor)
	}
	if opened != said {
		t.Errorf("%d events have disclosures, %d were said", opened, said)
	}
}

// revealed returns of how many events of a pseudonym there are disclosures; asked again
// of the same one, none.
func (w *crashWorld) revealed(actor string) (n int) {
	w.t.Helper()
	if w.asked == nil {
		w.asked = map[string]bool{}
	}
	if w.asked[actor] {
		return 0
	}
	w.asked[actor] = true
	var answer struct {
		Events []struct {
			ID      string `json:"id"`
			Problem string `json:"problem"`
		} `json:"events"`
	}
	must(w.t, json.Unmarshal([]byte(w.saksi("person", "reveal", "--home", w.dir, "--operator", "strato", "--ground", "inquiry", "--json", actor)), &answer))
	for _, e := range answer.Events {
		if e.Problem == "" {
			n++
		} else {
			w.t.Errorf("event %s: %s", e.ID, e.Problem)
		}
	}
	return n
}

// trail is a CloudTrail log of n records, numbered from a number on.
func trail(from, n int) []byte {
	var records []string
	for i := from; i < from+n; i++ {
		who := strconv.Itoa(i % 3)
		records = append(records, `{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLE`+who+`","arn":"arn:aws:iam::111122223333:user/u`+who+
			`","accountId":"111122223333","userName":"u`+who+`"},"eventTime":"2026-11-20T10:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"StopInstances","awsRegion":"ap-southeast-5",`+
			`"sourceIPAddress":"203.0.113.9","userAgent":"aws-cli/2.0","requestID":"r-`+strconv.Itoa(i)+`","eventID":"e-`+strconv.Itoa(i)+`","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}`)
	}
	return []byte(`{"Records":[` + strings.Join(records, ",") + `]}`)
}

// waitingDisclosures returns how many disclosures an outbox, which nobody has open, has
// yet to send though their events have receipts.
func waitingDisclosures(t *testing.T, path string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	must(t, err)
	defer db.Close()
	err = db.QueryRow(`SELECT count(*) FROM sealed s JOIN event e ON e.recorder = s.recorder AND e.id = s.event
		JOIN envelope v ON v.recorder = e.recorder AND v.incarnation = e.incarnation AND e.seq BETWEEN v.first AND v.first + v.count - 1
		WHERE v.state = 1`).Scan(&n)
	if err != nil && strings.Contains(err.Error(), "no such table") {
		return 0 // killed before it was made
	}
	must(t, err)
	return n
}
