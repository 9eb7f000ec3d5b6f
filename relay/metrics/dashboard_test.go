package metrics_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

type dashboard struct {
	Panels     []panel
	Templating struct {
		List []struct{ Name, Type string }
	}
}

type panel struct {
	ID          int
	Type, Title string
	Datasource  struct{ UID string }
	GridPos     struct{ H, W, X, Y int }
	FieldConfig struct{ Defaults struct{ Unit string } }
	Targets     []struct{ RefID, Expr string }
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile("../../deploy/grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) == 0 {
		t.Fatal("the dashboard has no panel")
	}
	return d
}

func TestEveryPanelOfTheDashboardShowsMetricsThatExist(t *testing.T) {
	known := allNames(t)
	ids := make(map[int]string)
	for _, p := range readDashboard(t).Panels {
		if other, twice := ids[p.ID]; twice {
			t.Errorf("%q has the id of %q", p.Title, other)
		}
		ids[p.ID] = p.Title
		if p.Title == "" {
			t.Errorf("panel %d has no title", p.ID)
		}
		if p.Type == "row" {
			continue
		}
		if p.FieldConfig.Defaults.Unit == "" || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("%q lacks a unit, the data source, or something to show", p.Title)
		}
		for _, target := range p.Targets {
			if err := checkExpr(target.Expr, known); err != nil {
				t.Errorf("%q: %v", p.Title, err)
			}
			if !strings.Contains(target.Expr, `instance=~"$instance"`) {
				t.Errorf("%q shows other nodes than those that are chosen: %s", p.Title, target.Expr)
			}
		}
	}
}

func TestEveryMetricIsInAPanel(t *testing.T) {
	shown := make(map[string]bool)
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			for _, name := range metricName.FindAllString(target.Expr, -1) {
				shown[name] = true
			}
		}
	}
	exceptions := map[string]bool{
		"buildrelay_webhook_request_seconds_sum":   true, // its quantiles are shown
		"buildrelay_webhook_request_seconds_count": true,
	}
	for name := range allNames(t) {
		if strings.HasPrefix(name, "buildrelay_") && shown[name] == exceptions[name] {
			t.Errorf("%s: shown is %v, an exception %v", name, shown[name], exceptions[name])
		}
	}
}

func TestPanelsDoNotOverlap(t *testing.T) {
	taken := make(map[[2]int]string)
	for _, p := range readDashboard(t).Panels {
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, twice := taken[[2]int{x, y}]; twice || x >= 24 {
					t.Fatalf("%q is where %q is, or outside", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

func TestTheDashboardAsksForWhatItsPanelsUse(t *testing.T) {
	asked := make(map[string]string)
	for _, variable := range readDashboard(t).Templating.List {
		asked[variable.Name] = variable.Type
	}
	for name, kind := range map[string]string{"datasource": "datasource", "instance": "query", "app": "query"} {
		if asked[name] != kind {
			t.Errorf("the variable %s is a %q, want a %q", name, asked[name], kind)
		}
	}
}

func TestAlertsAskForMetricsThatExist(t *testing.T) {
	text, err := os.ReadFile("../../deploy/prometheus-alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	known, seen := allNames(t), make(map[string]bool)
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			if err := checkExpr(rule.Expr, known); err != nil {
				t.Errorf("%s: %v", rule.Alert, err)
			}
			if seen[rule.Alert] || rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
				t.Errorf("%q lacks a name of its own, a severity, a summary or a description", rule.Alert)
			}
			seen[rule.Alert] = true
		}
	}
	if len(seen) < 5 {
		t.Errorf("there are %d alerts", len(seen))
	}
}
