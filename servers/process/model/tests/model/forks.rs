//! fork and pdfork that succeed; what the child gets.

use super::script::check;
use expect_test::expect;

/// Rules 1, 8, 47, 105, subtle 1: the answer is in one effect with the start, and before it.
#[test]
fn rule_105_the_answer_stands_before_the_child_may_run() {
    check(
        "
        init fork a
        a fork b
        a getpid
        b getppid
        list
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            a fork b
              clone b pid 3 copy
              a fork: 3, then start b
            a getpid
              a getpid: 2
            b getppid
              b getppid: 2
            list
              1 init parent 0 group 1 session 1 Running
              2 init parent 1 group 1 session 1 Running
              3 init parent 2 group 1 session 1 Running
        "#]],
    );
}

/// Rule 85: the child stands in the parent's group, directly behind the parent; rules 88, 92.
#[test]
fn rule_85_the_child_is_in_the_group_of_its_parent() {
    check(
        "
        init fork a
        a setpgid own own
        a fork b
        b fork c
        a fork d
        list
        init kill -a 15
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            a setpgid own own
              a setpgid: 0
            a fork b
              clone b pid 3 copy
              a fork: 3, then start b
            b fork c
              clone c pid 4 copy
              b fork: 4, then start c
            a fork d
              clone d pid 5 copy
              a fork: 5, then start d
            list
              1 init parent 0 group 1 session 1 Running
              2 init parent 1 group 2 session 1 Running
              3 init parent 2 group 2 session 1 Running
              4 init parent 3 group 2 session 1 Running
              5 init parent 2 group 2 session 1 Running
            init kill -a 15
              kill a 15
              kill d 15
              kill b 15
              kill c 15
              init kill: 0
        "#]],
    );
}

/// Rules 6, 95 to 98: one capability more, and the child is the same as any other.
#[test]
fn rule_95_pdfork_answers_with_a_descriptor() {
    check(
        "
        init pdfork a
        a pid
        a fork b
        b getppid
        init pdfork c daemon
        init clone
    ",
        &expect![[r#"
            init pdfork a
              clone a pid 2 copy
              init pdfork: 2 + descriptor, then start a
            a pid
              a pid: 2
            a fork b
              clone b pid 3 copy
              a fork: 3, then start b
            b getppid
              b getppid: 2
            init pdfork c daemon
              clone c pid 4 copy
              init pdfork: 4 + descriptor, then start c
            init clone
              init clone: ENOSYS
        "#]],
    );
}

/// Rule 101: what counts as what.
#[test]
fn rule_101_forks_are_counted_by_kind() {
    check(
        "
        stats
        init fork a
        init vfork b
        exit b 0
        init pdfork c
        stats
    ",
        &expect![[r#"
            stats
              Statistics { forks: 0, vforks: 0, rforks: 0, shared_memory: 0 }
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            init vfork b
              clone b pid 3 share
              start b
            exit b 0
              init vfork: 3
            init pdfork c
              clone c pid 4 copy
              init pdfork: 4 + descriptor, then start c
            stats
              Statistics { forks: 1, vforks: 1, rforks: 1, shared_memory: 0 }
        "#]],
    );
}

/// Rule 17, 19: what is wrong with the call is said first, and costs nothing.
#[test]
fn rule_19_invalid_flags_come_before_everything() {
    check(
        "
        init limit system 2
        init fork a flags=16
        init pdfork a flags=3
        init fork a flags=4
        init fork a flags=8
        init pdfork a flags=18 noslot
        stats
    ",
        &expect![[r#"
            init limit system 2
              init limit: 0 used 0
            init fork a flags=16
              init fork: EINVAL
            init pdfork a flags=3
              init pdfork: EINVAL
            init fork a flags=4
              init fork: EINVAL
            init fork a flags=8
              init fork: EINVAL
            init pdfork a flags=18 noslot
              init pdfork: EINVAL
            stats
              Statistics { forks: 0, vforks: 0, rforks: 0, shared_memory: 0 }
        "#]],
    );
}
