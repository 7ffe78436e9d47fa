package systems_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/saksi-ledger/saksi/events"
	"github.com/saksi-ledger/saksi/events/connect"
	"github.com/saksi-ledger/saksi/events/connect/connecttest"
	"github.com/saksi-ledger/saksi/events/connect/systems"
)

func suiteOf(s connect.System) connecttest.Suite {
	return connecttest.Suite{System: s, Dir: filepath.Join("..", s.Name, "testdata")}
}

// TestListed sees that every connector's package is in the list, and what the
// list needs of it.
func TestListed(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if !entry.IsDir() || name == "systems" || name == "connecttest" || name == "testdata" {
			continue
		}
		if _, ok := systems.Find(name); !ok {
			t.Errorf("events/connect/%s is in no line of systems.All: add one", name)
		}
	}
	for _, s := range systems.All() {
		if s.Title == "" || s.New == nil {
			t.Errorf("the line of %s in systems.All has no Title or no New", s.Name)
		}
		if _, err := os.Stat(filepath.Join("..", s.Name, "testdata")); err != nil {
			t.Errorf("system %s: its package must be events/connect/%s, and have samples in testdata: %v", s.Name, s.Name, err)
		}
	}
	if _, ok := systems.Find("nonsense"); ok {
		t.Error("a system that nobody listed was found")
	}
}

// TestOthersAreRefused gives each connector the samples of all others, and logs
// of systems that have no connector: it makes nothing of them, and says so in one
// line a file.
func TestOthersAreRefused(t *testing.T) {
	dir := t.TempDir()
	foreign := map[string]string{
		"actiontrail.jsonl": `{"acsRegion":"ap-southeast-3","eventId":"1-2-3","eventName":"ConsoleSignin","eventRW":"Write","eventSource":"signin.aliyun.com","eventTime":"2026-11-20T10:00:00Z","eventType":"ConsoleSignin","eventVersion":"1","serviceName":"AasSub","sourceIpAddress":"203.0.113.9","userIdentity":{"accountId":"1234567890123456","type":"ram-user","userName":"user-a"}}`,
		"inner.jsonl":       `{"EventID":"1","EventVersion":"1.0.0","EventProduct":"ECS","EventName":"Login","EventMethod":"WebConsole","EmployeeID":"x","ResourceOwnerID":"1","EventTime":"2026-11-20T10:00:00Z"}`,
		"notification.json": `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"ap-southeast-5","eventTime":"2026-11-20T10:00:00.000Z","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"}}}]}`,
		"transparency.json": `{"insertId":"1","logName":"projects/p/logs/cloudaudit.googleapis.com%2Faccess_transparency","jsonPayload":{"@type":"type.googleapis.com/google.cloud.audit.TransparencyLog"},"timestamp":"2026-11-20T10:00:00Z"}`,
		"azure.json":        `{"records":[{"time":"2026-11-20T10:00:00Z","resourceId":"/SUBSCRIPTIONS/1","operationName":"MICROSOFT.COMPUTE/VIRTUALMACHINES/WRITE","category":"Administrative","resultType":"Success","callerIpAddress":"203.0.113.9"}]}`,
		"teleport.jsonl":    `{"ei":0,"event":"session.start","uid":"1","code":"T2000I","time":"2026-11-20T10:00:00Z","user":"a","sid":"2"}`,
		"ocsf.jsonl":        `{"class_uid":6003,"time":1795168800000,"activity_id":1,"actor":{"user":{"name":"a"}}}`,
		"digest.json":       `{"awsAccountId":"111122223333","digestStartTime":"2026-11-20T09:00:00Z","digestEndTime":"2026-11-20T10:00:00Z","digestS3Bucket":"b","logFiles":[]}`,
		"other.csv":         "When,Who,What\n2026-11-20 10:00,a,b\n2026-11-20 10:01,a,b\n",
		"saksi.jsonl":       `{"type":"saksi.access.zone.entered.v1","data":{}}`,
		"unknown.json":      `[{"a":1},{"b":2}]`,
	}
	var files []string
	for name, content := range foreign {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	for _, s := range systems.All() {
		c := suiteOf(s).Connector(t, 1, connecttest.NewTable())
		others := files
		for _, other := range systems.All() {
			if other.Name != s.Name {
				others = append(others, suiteOf(other).Samples(t)...)
			}
		}
		for _, path := range others {
			account, err := connect.Each(context.Background(), c, []string{path}, nil, func(connect.Record, []events.Draft) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			connecttest.Accounted(t, account, 0)
			if account.Events > 0 || account.Places != 1 || !strings.Contains(account.Damage[0], filepath.Base(path)) || strings.Contains(account.Damage[0], "\n") {
				t.Errorf("%s of %s: want it refused in one line: %+v", s.Name, path, account)
			}
		}
	}
	account, err := connect.Each(context.Background(), suiteOf(systems.All()[0]).Connector(t, 1, connecttest.NewTable()), []string{filepath.Join(dir, "actiontrail.jsonl")}, nil, nil)
	if err != nil || !strings.Contains(account.Damage[0], "it looks like an Alibaba Cloud ActionTrail") {
		t.Errorf("%+v, %v", account, err)
	}
}
