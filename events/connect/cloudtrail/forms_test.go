package cloudtrail_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/connect/connecttest"
)

// importFile says what became of a file.
func importFile(t testing.TB, path string) connect.Account {
	t.Helper()
	n := 0
	account, err := connect.Each(context.Background(), newConnector(t, 1, connecttest.NewTable()).Connector, []string{path}, nil, func(_ connect.Record, drafts []events.Draft) error {
		n++
		for _, d := range drafts {
			connecttest.Line(t, &d)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	connecttest.Accounted(t, account, n)
	return account
}

func zipped(parts ...string) string {
	var b bytes.Buffer
	for _, part := range parts {
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(part))
		_ = w.Close()
	}
	return b.String()
}

// record returns a record of a number.
func record(n int) string {
	return fmt.Sprintf(`{"eventVersion": "1.09", "userIdentity": {"type": "IAMUser", "principalId": "AIDAEXAMPLE%d"}, "eventTime": "2026-11-20T10:00:00Z", `+
		`"eventSource": "ec2.amazonaws.com", "eventName": "StopInstances", "eventID": "00000000-0000-4000-8000-%012d", "readOnly": false}`, n, n)
}

// TestForms reads the forms in which people have their CloudTrail logs, and names
// those that can't be read.
func TestForms(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		events  int
		refused string // by which words, in one place
	}{
		"bom.json":           {"\ufeff" + `{"Records": [` + record(1) + `]}`, 1, ""},
		"trailing.json":      {`{"Records": [` + record(1) + "]}\n\n\n", 1, ""},
		"crlf.jsonl":         {record(1) + "\r\n" + record(2) + "\r\n", 2, ""},
		"members.json.gz":    {zipped(`{"Records": [`+record(1)+`]}`, `{"Records": [`+record(2)+`]}`), 2, ""},
		"pretty.json":        {"{\n  \"Records\": [\n    " + strings.ReplaceAll(record(1), ", ", ",\n    ") + "\n  ]\n}\n", 1, ""},
		"one.json":           {strings.ReplaceAll(record(1), ", ", ",\n  "), 1, ""},
		"array.json":         {"[" + record(1) + ", " + record(2) + "]", 2, ""},
		"concatenated.json":  {record(1) + record(2), 2, ""},
		"version-first.json": {`{"version": "1", "Records": [` + record(1) + `]}`, 1, ""},
		"lowercase.json":     {`{"records": [` + record(1) + `]}`, 1, ""},
		"lookup.json":        {fmt.Sprintf(`{"Events": [{"EventId": "1", "CloudTrailEvent": %q}]}`, record(1)), 1, ""},
		"bridge.jsonl":       {`{"version": "0", "id": "1", "detail-type": "AWS API Call via CloudTrail", "detail": ` + record(1) + "}\n", 1, ""},
		"export.gz":          {zipped("2026-11-20T10:00:01.000Z " + record(1) + "\n"), 1, ""},
		"subscription.json":  {fmt.Sprintf(`{"messageType":"DATA_MESSAGE","logEvents":[{"id":"1","timestamp":2,"message":%q}]}`, record(1)), 1, ""},
		"upper.JSON.GZ":      {zipped(`{"Records": [` + record(1) + `]}`), 1, ""},
		"empty-list.json":    {`{"Records": []}`, 0, ""},
		"insight.json":       {`{"Records": [{"eventVersion": "1.09", "eventTime": "2026-11-20T10:00:00Z", "eventID": "1", "eventType": "AwsCloudTrailInsight", "eventCategory": "Insight"}]}`, 0, ""},
		"empty.json":         {"", 0, "it is empty"},
		"zip.json.zip":       {"PK\x03\x04....", 0, "a zip archive: unpack it first"},
		"utf16.json":         {"\xff\xfe{\x00", 0, "text in UTF-16: save it as UTF-8"},
		"lake.csv":           {"eventVersion,userIdentity,eventTime\n1.09,x,2026-11-20 10:00:00.000\n", 0, "it looks like CSV, and JSON is wanted"},
		"digest.json":        {`{"awsAccountId": "1", "digestStartTime": "2026-11-20T09:00:00Z", "digestS3Bucket": "b", "logFiles": []}`, 0, "it looks like an AWS CloudTrail digest file"},
		"actiontrail.jsonl":  {strings.Repeat(`{"acsRegion":"ap-southeast-3","eventId":"1","eventVersion":"1","eventSource":"signin.aliyun.com","eventName":"ConsoleSignin","eventTime":"2026-11-20T10:00:00Z"}`+"\n", 30), 0, "its 30 records are not of aws.cloudtrail (line 1: eventVersion is not 1 and a minor version; it looks like an Alibaba Cloud ActionTrail)"},
		"mixed.jsonl":        {record(1) + "\n" + `{"acsRegion":"x","eventId":"1","eventVersion":"1"}` + "\n" + record(2) + "\n", 2, "1 of its 3 records is not of aws.cloudtrail (line 2:"},
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
			t.Fatal(err)
		}
		account := importFile(t, path)
		if account.Events != test.events || account.Places != min(1, len(test.refused)) || account.Places == 1 && !strings.Contains(account.Damage[0], test.refused) {
			t.Errorf("%s: %+v; want %d events, refused %q", name, account, test.events, test.refused)
		}
	}
}

// TestCases reads the collected cases of forms, where they are beside the
// repository.
func TestCases(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "..", "shared", "cases", "forms")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the cases are not beside the repository (../shared/cases/forms): nothing was tested")
	}
	for name, want := range map[string]int{
		"01-bom.json": 1, "02-trailing-newlines.json": 1, "03-crlf.jsonl": 2, "04-multimember.json.gz": 2, "06-pretty-records.json": 1, "07-array.json": 2,
		"08-concatenated.json": 2, "09-version-before-records.json": 1, "11-lookup-events.json": 1, "12-eventbridge.jsonl": 1, "13-cloudwatch-export.gz": 1,
		"25-nul-in-string.json": 1, "26-numeric-precision.json": 1, "27-missing-identity.json": 1, "28-null-identity.json": 1, "31-upper.JSON.GZ": 1,
		"32-lowercase-records.json": 1, "33-additionalEventData-string.json": 1, "35-eventtime-offset.json": 1, "18-insight.json": 0,
	} {
		if account := importFile(t, filepath.Join(dir, name)); account.Events != want || account.Places > 0 {
			t.Errorf("%s: %+v; want %d events", name, account, want)
		}
	}
	for name, words := range map[string]string{
		"14-lake-result_1.csv.gz":     "it looks like CSV, and JSON is wanted",
		"17-digest-file.json":         "digest file",
		"20-empty.json":               "it is empty",
		"40-actiontrail-native.jsonl": "ActionTrail",
	} {
		if account := importFile(t, filepath.Join(dir, name)); account.Events > 0 || account.Places != 1 || !strings.Contains(account.Damage[0], words) {
			t.Errorf("%s: %+v; want one refusal, %q", name, account, words)
		}
	}
}

// TestBombs imports small files that hold many bad records: memory stays small,
// and each bomb is named in a line, or in a hundred.
func TestBombs(t *testing.T) {
	for name, element := range map[string]string{
		"objects":   `{},`,
		"numbers":   `5,`,
		"no source": `{"eventVersion":"1.0","eventTime":"2026-11-20T10:00:00Z"},`,
		"in turn":   `5,{"eventVersion":"1.0"},{},`,
	} {
		path := filepath.Join(t.TempDir(), "bomb.json.gz")
		if err := os.WriteFile(path, []byte(zipped(`{"Records":[`+strings.Repeat(element, 20_000)+`{}]}`)), 0o600); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		account := importFile(t, path)
		runtime.GC()
		runtime.ReadMemStats(&after)
		if account.Events > 0 || account.Places == 0 || len(account.Damage) > connect.MaxDamage {
			t.Errorf("%s: %d events, %d places, %d named", name, account.Events, account.Places, len(account.Damage))
		}
		if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 4<<20 {
			t.Errorf("%s: a file of %d bytes leaves %d in memory", name, info.Size(), kept)
		}
	}
}
