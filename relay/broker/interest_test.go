package broker

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func plainInterest() *interest { return newInterest(newNames("p", "node", "", nil)) }

// expectNext takes the next command and compares it, written as "+name name" for a
// SUBSCRIBE and "-name" for an UNSUBSCRIBE; "" means none.
func expectNext(t *testing.T, in *interest, want string) {
	t.Helper()
	got := ""
	if c := in.next(); c != nil {
		got = "-"
		if c.subscribe {
			got = "+"
		}
		for i, n := range c.names {
			if i > 0 {
				got += " "
			}
			got += n.redis
		}
	}
	if got != want {
		t.Fatalf("next command is %q, want %q", got, want)
	}
}

// expectConfirm gives an answer and compares the channel that is heard by it, ""
// for none.
func expectConfirm(t *testing.T, in *interest, answer, want string) {
	t.Helper()
	key, heard, ok := in.confirm(answer[0] == '+', answer[1:])
	if !ok {
		t.Fatalf("answer %s was not expected", answer)
	}
	if got := key.channel; heard != (want != "") || heard && got != want {
		t.Fatalf("after answer %s: heard %v %q, want %q", answer, heard, got, want)
	}
}

func TestAChannelIsHeardWhenItsSubscribeIsAnswered(t *testing.T) {
	in := plainInterest()
	in.watch("1", "a")
	in.watch("1", "b")
	expectNext(t, in, "+p:1:a p:1:b")
	expectNext(t, in, "")
	expectConfirm(t, in, "+p:1:a", "a")
	expectConfirm(t, in, "+p:1:b", "b")
}

func TestAChannelAskedForAgainIsAskedOfRedisAgain(t *testing.T) {
	steps := map[string]func(in *interest){
		"before the unsubscribe is sent": func(in *interest) {
			in.unwatch("1", "a")
			in.watch("1", "a")
			expectNext(t, in, "+p:1:a")
		},
		"after the unsubscribe is sent": func(in *interest) {
			in.unwatch("1", "a")
			expectNext(t, in, "-p:1:a")
			in.watch("1", "a")
			expectNext(t, in, "+p:1:a")
			expectConfirm(t, in, "-p:1:a", "")
		},
		"without giving it up": func(in *interest) {
			in.watch("1", "a")
			expectNext(t, in, "+p:1:a")
		},
	}
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			in := plainInterest()
			in.watch("1", "a")
			expectNext(t, in, "+p:1:a")
			expectConfirm(t, in, "+p:1:a", "a")
			step(in)
			expectNext(t, in, "")
			expectConfirm(t, in, "+p:1:a", "a")
		})
	}
}

func TestAnAnswerToAnEarlierSubscribeIsNotTaken(t *testing.T) {
	in := plainInterest()
	in.watch("1", "a")
	expectNext(t, in, "+p:1:a")
	in.unwatch("1", "a")
	in.watch("1", "a")
	expectConfirm(t, in, "+p:1:a", "") // sent before the second one asked
	expectNext(t, in, "+p:1:a")
	expectConfirm(t, in, "+p:1:a", "a")
}

func TestAChannelOfTwoContractsIsHeardWhenBothAre(t *testing.T) {
	in := newInterest(newNames("p", "node", "1", nil))
	in.watch("1", "a")
	in.watch("2", "a")
	expectNext(t, in, "+p:1:a a p:2:a")
	expectConfirm(t, in, "+p:1:a", "")
	expectConfirm(t, in, "+a", "a")
	expectConfirm(t, in, "+p:2:a", "a")
	in.unwatch("1", "a")
	expectNext(t, in, "-p:1:a a")
	in.watch("1", "a")
	expectNext(t, in, "+p:1:a a")
	expectConfirm(t, in, "-p:1:a", "")
	expectConfirm(t, in, "-a", "")
	expectConfirm(t, in, "+p:1:a", "")
	expectConfirm(t, in, "+a", "a")
}

func TestTheOtherContractsAnswerIsAwaitedAnew(t *testing.T) {
	in := newInterest(newNames("p", "node", "1", nil))
	in.batch = 1
	for range 2 {
		in.watch("1", "a")
		expectNext(t, in, "+p:1:a")
		expectConfirm(t, in, "+p:1:a", "")
		expectNext(t, in, "+a")
		expectConfirm(t, in, "+a", "a")
	}
}

func TestCommandsCarryALimitedNumberOfNames(t *testing.T) {
	in := plainInterest()
	for i := range 2*batch + 1 {
		in.watch("1", fmt.Sprint(i))
	}
	in.watch("1", "gone")
	in.unwatch("1", "gone")
	var sizes []int
	for c := in.next(); c != nil; c = in.next() {
		sizes = append(sizes, len(c.names))
	}
	if diff := cmp.Diff([]int{batch, batch, 1}, sizes); diff != "" {
		t.Error(diff)
	}
}

func TestOnlyTheForbiddenNameOfABatchIsRefused(t *testing.T) {
	in := plainInterest()
	for _, channel := range []string{"a", "b", "c"} {
		in.watch("1", channel)
	}
	expectNext(t, in, "+p:1:a p:1:b p:1:c")
	expectReject(t, in, "")
	in.watch("1", "d") // it is not held up by the names that are tried singly
	for _, want := range []string{"+p:1:d", "+p:1:a", "+p:1:b", "+p:1:c"} {
		expectNext(t, in, want)
	}
	expectConfirm(t, in, "+p:1:d", "d")
	expectConfirm(t, in, "+p:1:a", "a")
	expectReject(t, in, "b")
	expectConfirm(t, in, "+p:1:c", "c")
	expectNext(t, in, "-p:1:b")
	expectConfirm(t, in, "-p:1:b", "")
	if len(in.names) != 3 || len(in.topics) != 3 {
		t.Errorf("%d names, %d topics are left, want 3", len(in.names), len(in.topics))
	}
}

func expectReject(t *testing.T, in *interest, want string) {
	t.Helper()
	key, gaveUp, ok := in.reject()
	if !ok || gaveUp != (want != "") || key.channel != want {
		t.Fatalf("refused %q (gave up %v, ok %v), want %q", key.channel, gaveUp, ok, want)
	}
}

func TestARefusedUnsubscribeIsNotRepeated(t *testing.T) {
	in := plainInterest()
	in.watch("1", "a")
	expectNext(t, in, "+p:1:a")
	expectConfirm(t, in, "+p:1:a", "a")
	in.unwatch("1", "a")
	expectNext(t, in, "-p:1:a")
	expectReject(t, in, "")
	expectNext(t, in, "")
	if _, ok := in.find("p:1:a"); ok {
		t.Error("a channel that nobody wants is found")
	}
}

func TestAnAnswerOutOfStepIsNoticed(t *testing.T) {
	in := plainInterest()
	answer := func(subscribe bool, name string) bool {
		_, _, ok := in.confirm(subscribe, name)
		return ok
	}
	if answer(true, "p:1:a") {
		t.Error("an answer without a command is taken")
	}
	if _, _, ok := in.reject(); ok {
		t.Error("a refusal without a command is taken")
	}
	in.watch("1", "a")
	in.watch("1", "b")
	expectNext(t, in, "+p:1:a p:1:b")
	if answer(true, "p:1:b") || answer(false, "p:1:a") {
		t.Error("an answer to something else is taken")
	}
	expectConfirm(t, in, "+p:1:a", "a")
	if _, _, ok := in.reject(); ok {
		t.Error("a refusal of a command that is half answered is taken")
	}
}

func TestNothingIsKeptForChannelsThatCameAndWentWithoutALink(t *testing.T) {
	in := plainInterest()
	for i := range 1000 {
		in.watch("1", fmt.Sprint(i))
		in.unwatch("1", fmt.Sprint(i))
	}
	if len(in.names) != 0 || in.subscribe.Len() != 0 || in.unsubscribe.Len() != 0 {
		t.Errorf("%d names, queues of %d and %d are left", len(in.names), in.subscribe.Len(), in.unsubscribe.Len())
	}
}

func TestANewLinkIsToldEverythingAgain(t *testing.T) {
	in := plainInterest()
	in.watch("1", "a")
	in.watch("1", "b")
	expectNext(t, in, "+p:1:a p:1:b")
	expectConfirm(t, in, "+p:1:a", "a")
	in.unwatch("1", "b")
	in.forget()
	expectNext(t, in, "+p:1:a")
	expectNext(t, in, "")
	expectConfirm(t, in, "+p:1:a", "a")
}
