package authorize_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"buildrelay/auth"
	"buildrelay/protocol"
	"buildrelay/relay/authorize"
	"buildrelay/relay/relaytest"
)

// startGitHub starts one with a few repositories, of which ada may read more than others.
func startGitHub(t testing.TB) *relaytest.GitHub {
	t.Helper()
	g := relaytest.StartGitHub(t)
	g.AddUser("ada-t0ken", relaytest.GitHubUser{Login: "ada", Name: "Ada Lovelace", ID: 583231})
	g.AddUser("robot-t0ken", relaytest.GitHubUser{})
	g.AddUser("eve-t0ken", relaytest.GitHubUser{Login: "eve-of_corp", ID: 7})
	for _, repo := range []relaytest.GitHubRepo{
		{Name: "acme/site", Private: true, Readers: []string{"ada", ""}}, {Name: "acme/open"}, {Name: "Acme/.github"}, {Name: "acme/old", Renamed: true},
	} {
		g.SetRepo(repo)
	}
	return g
}

func TestWhoMayReadARepositoryMayWatchItsBuilds(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	s, log := askingHost(t, authorize.NewGitHub, g.URL+"/")
	for name, tt := range map[string]struct {
		authorization, owner, repo string
		want                       string
		asks                       bool
	}{
		"its reader":               {"Bearer ada-t0ken", "acme", "site", "yes", true},
		"its reader, by old words": {"token ada-t0ken", "acme", "site", "yes", true},
		"in any case":              {"bearer  ada-t0ken", "ACME", "Site", "yes", true},
		"somebody else":            {"Bearer eve-t0ken", "acme", "site", "no", true},
		"anybody, of a public one": {"Bearer eve-t0ken", "acme", "open", "yes", true},
		"a name with a dot":        {"Bearer eve-t0ken", "acme", ".github", "yes", true},
		"a token that is none":     {"Bearer t0ken", "acme", "open", "no", true},
		"one that moved":           {"Bearer ada-t0ken", "acme", "old", "no", true},
		"one that is not there":    {"Bearer ada-t0ken", "acme", "none", "no", true},
		"the owner itself":         {"Bearer ada-t0ken", "acme", ".", "no", false},
		"all repositories":         {"Bearer ada-t0ken", "acme", "..", "no", false},
		"a path":                   {"Bearer ada-t0ken", "acme", "site/branches", "no", false},
		"a query":                  {"Bearer ada-t0ken", "acme", "site?x", "no", false},
		"an owner with a dot":      {"Bearer ada-t0ken", "..", "user", "no", false},
		"no owner":                 {"Bearer ada-t0ken", "", "site", "no", false},
		"no repository":            {"Bearer ada-t0ken", "acme", "", "no", false},
		"a line break":             {"Bearer ada-t0ken", "acme", "site\n", "no", false},
		"a password":               {"Basic YWRhOmFkYS10MGtlbg==", "acme", "site", "nobody", false},
		"no word before it":        {"ada-t0ken", "acme", "site", "nobody", false},
		"no token":                 {"Bearer ", "acme", "site", "nobody", false},
		"two tokens":               {"Bearer ada-t0ken, Bearer eve-t0ken", "acme", "site", "nobody", false},
		"another header":           {"Bearer ada-t0ken\r\nX-A: b", "acme", "site", "nobody", false},
		"cookies alone":            {"", "acme", "site", "nobody", false},
	} {
		g.Asked()
		q := of(build, tt.owner, tt.repo)
		q.Authorization = auth.Secret(tt.authorization)
		answer, err := s.Decide(t.Context(), q)
		if got, asked := outcome(err), g.Asked(); got != tt.want || (len(asked) > 0) != tt.asks || (answer.Member != nil) != (got == "yes") {
			t.Errorf("%s: %s, want %s: %v, asked %q", name, got, tt.want, err, asked)
		}
	}
	if log.Len() > 0 {
		t.Errorf("logged %s", log)
	}
}

// Whose a token is is asked once in a while where the repository says that it is good still, and each
// time where nothing else does.
func TestWhoseATokenIsIsAskedOnce(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	s, _ := askingHost(t, authorize.NewGitHub, g.URL)
	now := time.Now()
	s.SetNow(func() time.Time { return now })
	ada := &protocol.Member{ID: "583231", Info: `{"login":"ada","name":"Ada Lovelace"}`}
	const repo, user = "/repos/acme/site", "/user"
	for i, step := range []struct {
		channel, token string
		later          time.Duration
		want           string
		member         *protocol.Member
		asked          []string
	}{
		{build, "ada-t0ken", 0, "yes", ada, []string{repo, user}},
		{people, "ada-t0ken", 0, "yes", ada, []string{repo}},
		{"private-cache-a;b;7", "ada-t0ken", 299 * time.Second, "yes", ada, []string{repo}},
		{"", "ada-t0ken", 0, "yes", ada, []string{user}},
		{"", "ada-t0ken", 0, "yes", ada, []string{user}},
		{"presence-cache-a;b;7", "ada-t0ken", time.Second, "yes", ada, []string{repo}},
		{people, "ada-t0ken", 5 * time.Minute, "yes", ada, []string{repo, user}},
		{people, "eve-t0ken", 0, "no", nil, []string{repo}},
		{"", "t0ken", 0, "no", nil, []string{user}},
		{people, "t0ken", 59 * time.Second, "no", nil, nil},
		{"", "t0ken", time.Second, "no", nil, []string{user}},
		{people, "robot-t0ken", 0, "no", nil, []string{repo, user}},
		{"", "robot-t0ken", 0, "no", nil, []string{user}},
		{build, "robot-t0ken", 0, "yes", nil, []string{repo, user}},
		{build, "robot-t0ken", 0, "yes", nil, []string{repo}},
		{people, "robot-t0ken", 0, "no", nil, []string{repo, user}},
	} {
		now = now.Add(step.later)
		q := of(step.channel, "acme", "site")
		q.Authorization = auth.Secret("Bearer " + step.token)
		answer, err := s.Decide(t.Context(), q)
		if diff := cmp.Diff(step.want, outcome(err)) + cmp.Diff(step.member, answer.Member) + cmp.Diff(step.asked, g.Asked()); diff != "" {
			t.Errorf("step %d: %v (- wanted, + got):\n%s", i, err, diff)
		}
	}
	nameless := of("", "", "")
	nameless.Authorization = "Bearer eve-t0ken"
	if answer, err := s.Decide(t.Context(), nameless); err != nil || *answer.Member != (protocol.Member{ID: "7", Info: `{"login":"eve-of_corp"}`}) {
		t.Errorf("%+v, %v", answer.Member, err)
	}
}

// A host that says who may but not who it is decides nothing: what is decided of somebody can be revoked.
func TestAHostThatDoesNotSayWhoItIsDecidesNothing(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	s, _ := askingHost(t, authorize.NewGitHub, g.URL)
	g.Interfere(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/user") {
			return false
		}
		w.WriteHeader(http.StatusBadGateway)
		return true
	})
	for _, channel := range []string{build, people, ""} {
		if _, err := s.Decide(t.Context(), of(channel, "acme", "site")); outcome(err) != "undecided" {
			t.Errorf("%q: %v", channel, err)
		}
	}
	g.Interfere(nil)
	if answer, err := s.Decide(t.Context(), of(build, "acme", "site")); err != nil || answer.Member == nil {
		t.Errorf("%+v, %v", answer.Member, err)
	}
}

// Somebody is who he was in whatever spelling, whatever he calls himself; whoever takes his old login is
// somebody else.
func TestAUserIsKnownByANumberAndNotByALogin(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	s, _ := askingHost(t, authorize.NewGitHub, g.URL)
	for token, user := range map[string]relaytest.GitHubUser{"1": {Login: "Ada", ID: 1}, "2": {Login: "ada-2", ID: 1}, "3": {Login: "ada", ID: 3}} {
		g.AddUser(token, user)
		q := of("", "", "")
		q.Authorization = auth.Secret("Bearer " + token)
		answer, err := s.Decide(t.Context(), q)
		if err != nil || answer.Member.ID != strconv.Itoa(user.ID) || answer.Member.Info != `{"login":"`+user.Login+`"}` {
			t.Errorf("%+v: %+v, %v", user, answer.Member, err)
		}
	}
}

// A machine's token is nobody's. Of any other it must be known whose it is: what is decided for it could
// not be revoked.
func TestOnlyAMachinesTokenIsNobodys(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status        int
		body          string
		private, room string // what becomes of channels
		signin        string
	}{
		"a machine":                 {403, `{"message":"Resource not accessible by integration"}`, "yes", "no", "no"},
		"forbidden for a reason":    {403, `{"message":"Sorry. Your account was suspended."}`, "undecided", "undecided", "no"},
		"forbidden for none":        {403, ``, "undecided", "undecided", "no"},
		"asked too much":            {403, `{"message":"You have exceeded a secondary rate limit."}`, "undecided", "undecided", "undecided"},
		"not there":                 {404, `{"message":"Not Found"}`, "undecided", "undecided", "no"},
		"not known in the meantime": {401, `{"message":"Bad credentials"}`, "undecided", "undecided", "no"},
	} {
		g := startGitHub(t)
		g.Interfere(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, "/user") {
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(tt.status)
			_, _ = io.WriteString(w, tt.body)
			return true
		})
		for channel, want := range map[string]string{build: tt.private, people: tt.room, "": tt.signin} {
			s, _ := askingHost(t, authorize.NewGitHub, g.URL)
			for range 2 {
				if answer, err := s.Decide(t.Context(), of(channel, "acme", "site")); outcome(err) != want || answer.Member != nil {
					t.Errorf("%s, %q: %+v, %v, want %s", name, channel, answer.Member, err, want)
				}
			}
		}
	}
}

// Cookies are the CI's matter, and what goes to another host is the token and nothing else.
func TestGitHubIsToldNothingButTheToken(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	g.Interfere(func(_ http.ResponseWriter, r *http.Request) bool {
		got := r.Header.Clone()
		want := http.Header{
			"Authorization": {"Bearer ada-t0ken"}, "Accept": {"application/vnd.github+json"}, "X-Github-Api-Version": {"2022-11-28"}, "User-Agent": {"buildrelay"},
		}
		if diff := cmp.Diff(want, got); diff != "" || r.Method != http.MethodGet || r.URL.RawQuery != "" {
			t.Errorf("%s %s (- wanted, + got):\n%s", r.Method, r.URL, diff)
		}
		return false
	})
	s, _ := askingHost(t, authorize.NewGitHub, g.URL)
	if _, err := s.Decide(t.Context(), of(people, "acme", "site")); err != nil {
		t.Error(err)
	}
}

func TestWhatGitHubSaysOfARepositoryIsReadStrictly(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"full_name":"acme/site"}`: "yes",
		`{"full_name":"Acme/SITE","permissions":{"admin":false,"pull":true}}`:     "yes",
		`{"full_name":"acme/site","permissions":null}`:                            "yes",
		`{"full_name":"acme/site","permissions":{}}`:                              "yes",
		`{"full_name":"acme/site","permissions":{"pull":false,"admin":true}}`:     "no",
		`{"full_name":"acme/other","permissions":{"pull":true}}`:                  "no",
		`{"full_name":"acme/site "}`:                                              "no",
		`{"full_name":"acme/site","permissions":{"pull":"true"}}`:                 "undecided",
		`{"full_name":"acme/site","permissions":{"pull":1}}`:                      "undecided",
		`{"full_name":"acme/site","permissions":{"pull":true,"pull":false}}`:      "undecided",
		`{"full_name":"acme/site","permissions":{"Pull":false}}`:                  "undecided",
		`{"full_name":"acme/site","permissions":["pull"]}`:                        "undecided",
		`{"full_name":"acme/site","permissions":{"pull":true},"permissions":{} }`: "undecided",
		`{"full_name":"acme/site","full_name":"acme/site"}`:                       "undecided",
		`{"full_name":"acme/other","Full_name":"acme/site"}`:                      "undecided",
		`{"full_name":["acme/site"]}`:                                             "undecided",
		`{"full_name":""}`:                                                        "undecided",
		`{"full_name":null}`:                                                      "undecided",
		`{"name":"site"}`:                                                         "undecided",
		`{}`:                                                                      "undecided",
		``:                                                                        "undecided",
		`null`:                                                                    "undecided",
		`true`:                                                                    "undecided",
		`[{"full_name":"acme/site"}]`:                                             "undecided",
		`{"full_name":"acme/site"`:                                                "undecided",
		`{"full_name":"acme/site"}{}`:                                             "undecided",
		"{\"full_name\":\"acme/site\",\"description\":\"\xff\"}":                  "undecided",
	} {
		if err := authorize.CheckGitHubRepo([]byte(body), "acme/site"); outcome(err) != want {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestWhatGitHubSaysOfAUserIsReadStrictly(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]protocol.Member{
		`{"login":"ada","id":1}`:                           {ID: "1", Info: `{"login":"ada"}`},
		`{"login":"ada","id":1,"name":null}`:               {ID: "1", Info: `{"login":"ada"}`},
		`{"login":"ada","id":1,"name":"A \"<b>\" \u00e9"}`: {ID: "1", Info: `{"login":"ada","name":"A \"\u003cb\u003e\" é"}`},
		`{"login":"build[bot]","id":9007199254740993}`:     {ID: "9007199254740993", Info: `{"login":"build[bot]"}`},
		`{"login":"ada"}`:                                  {},
		`{"login":"ada","id":0}`:                           {},
		`{"login":"ada","id":null}`:                        {},
		`{"login":"ada","id":1e3}`:                         {},
		`{"login":"ada","id":18446744073709551616}`:        {},
		`{"id":1}`:                                             {},
		`{"login":"","id":1}`:                                  {},
		`{"login":null,"id":1}`:                                {},
		`{"login":1,"id":1}`:                                   {},
		`{"login":"ada","id":"1"}`:                             {},
		`{"login":"ada","id":-1}`:                              {},
		`{"login":"ada","id":1.5}`:                             {},
		`{"login":"ada","id":1,"name":{}}`:                     {},
		`{"login":"ada","login":"eve","id":1}`:                 {},
		`{"login":"ada","LOGIN":"eve","id":1}`:                 {},
		`{"login":"` + strings.Repeat("x", 1000) + `","id":1}`: {},
		"{\"login\":\"ad\xff\",\"id\":1}":                      {},
		`[]`:                                                   {},
		`<html>`:                                               {},
		`{"login":"ada","id":1,"name":"` + strings.Repeat("x", 1<<15) + `"}`: {},
	} {
		got, err := authorize.ReadGitHubUser([]byte(body))
		if got != want || (err == nil) != (want.ID != "") {
			t.Errorf("%.100s: %+v, %v", body, got, err)
		}
		if err != nil && (outcome(err) != "undecided" || strings.Contains(err.Error(), "eve")) {
			t.Errorf("%.100s: %v", body, err)
		}
	}
}

// What the host lets in is signed as anything else: with number and login for a presence channel.
func TestTheEndpointSignsForReadersOfARepository(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	s, _ := askingHost(t, authorize.NewGitHub, g.URL)
	e := newEndpoint(t, yes)
	e.Decider = newCache(s)
	w := e.post("/pusher/auth", subscribing(people), "Authorization", "Bearer ada-t0ken")
	got := parse(t, w.Body.String())
	if w.Code != http.StatusOK || got.ChannelData == nil || *got.ChannelData != `{"user_id":"583231","user_info":{"login":"ada","name":"Ada Lovelace"}}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if err := e.app.CheckSubscribe(socketID, protocol.Subscribe{Channel: people, Auth: got.Auth, ChannelData: got.ChannelData}); err != nil {
		t.Error(err)
	}
	if w := e.post("/pusher/auth", subscribing(build), "Authorization", "Bearer eve-t0ken"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "you may not") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := e.post("/pusher/auth", subscribing(build), "Cookie", "session=ada"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "cookies do not count") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
