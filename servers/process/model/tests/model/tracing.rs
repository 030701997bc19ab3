//! Two parents: who traces is the parent for waits, and only for them.

use super::script::check;
use expect_test::expect;

/// 2.6/2, 2.6/4: who may trace whom.
#[test]
fn rule_2_6_4_order_of_checks() {
    check(
        "
        init fork a
        a fork b
        b fork c
        a trace a
        a trace 99
        a trace 1
        c trace b
        a trace c
        b trace c
        b trace a
        a untrace b
        b untrace c
        a untrace c
        a user 7
        a trace b
    ",
        &expect![[r#"
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            a fork b
              clone b pid 3 copy
              a fork: 3, then start b
            b fork c
              clone c pid 4 copy
              b fork: 4, then start c
            a trace a
              a trace: EINVAL
            a trace 99
              a trace: ESRCH
            a trace 1
              a trace: EINVAL
            c trace b
              c trace: 0
            a trace c
              a trace: 0
            b trace c
              b trace: EBUSY
            b trace a
              b trace: EINVAL
            a untrace b
              a untrace: EBUSY
            b untrace c
              b untrace: EBUSY
            a untrace c
              a untrace: 0
            a user 7
              a user: 0
            a trace b
              a trace: EPERM
        "#]],
    );
}

/// Rule 91, 2.6/15, subtle 26: getppid tells of the original parent.
#[test]
fn subtle_26_getppid_tells_of_the_original_parent() {
    check(
        "
        init fork p
        p fork c
        init fork d
        d trace c
        c getppid
        p wait any nohang
        p wait c nohang
        d wait any nohang
        d untrace c
        d wait any
        exit c 1
        p wait any
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p fork c
              clone c pid 3 copy
              p fork: 3, then start c
            init fork d
              clone d pid 4 copy
              init fork: 4, then start d
            d trace c
              d trace: 0
            c getppid
              c getppid: 2
            p wait any nohang
              p wait: 0
            p wait c nohang
              p wait: 0
            d wait any nohang
              d wait: 0
            d untrace c
              d untrace: 0
            d wait any
              d wait: ECHILD
            exit c 1
            p wait any
              forget c
              p wait: 3 status 0x0100
        "#]],
    );
}

/// 2.2/9, 2.2/10, subtle 27: the tracer reaps first, then the parent, which has waited all along.
#[test]
fn subtle_27_double_reap() {
    check(
        "
        init fork p
        p fork c
        init fork d
        d trace c
        p wait any
        exit c 9
        d wait c keep
        d wait any
        d wait any
        list
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p fork c
              clone c pid 3 copy
              p fork: 3, then start c
            init fork d
              clone d pid 4 copy
              init fork: 4, then start d
            d trace c
              d trace: 0
            p wait any
            exit c 9
            d wait c keep
              d wait: 3 status 0x0900
            d wait any
              d wait: 3 status 0x0900
              forget c
              p wait: 3 status 0x0900
            d wait any
              d wait: ECHILD
            list
              1 init parent 0 group 1 session 1 Running
              2 init parent 1 group 1 session 1 Running
              4 init parent 1 group 1 session 1 Running
        "#]],
    );
}

/// 2.3, 2.7: a tracer that ends gives its tracees back, killed.
#[test]
fn rule_2_3_a_tracer_that_ends_kills_its_tracees() {
    check(
        "
        init fork p
        p fork c
        p fork e
        init fork d
        d trace c
        d trace e
        exit e 3
        p wait any
        exit d 0
        killed c 9
        p wait any
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p fork c
              clone c pid 3 copy
              p fork: 3, then start c
            p fork e
              clone e pid 4 copy
              p fork: 4, then start e
            init fork d
              clone d pid 5 copy
              init fork: 5, then start d
            d trace c
              d trace: 0
            d trace e
              d trace: 0
            exit e 3
            p wait any
            exit d 0
              kill c 9
              forget e
              p wait: 4 status 0x0300
            killed c 9
            p wait any
              forget c
              p wait: 3 status 0x0009
        "#]],
    );
}

/// 2.3, subtle 28: the original parent ends first; the reaper inherits the claim.
#[test]
fn subtle_28_the_original_parent_ends_first() {
    check(
        "
        init fork p
        p fork c
        init fork d
        d trace c
        exit p 0
        c getppid
        init wait c nohang
        exit c 2
        init wait c nohang
        d wait any
        init wait c
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p fork c
              clone c pid 3 copy
              p fork: 3, then start c
            init fork d
              clone d pid 4 copy
              init fork: 4, then start d
            d trace c
              d trace: 0
            exit p 0
            c getppid
              c getppid: 1
            init wait c nohang
              init wait: 0
            exit c 2
            init wait c nohang
              init wait: 0
            d wait any
              d wait: 3 status 0x0200
            init wait c
              forget c
              init wait: 3 status 0x0200
        "#]],
    );
}

/// Subtle 28: and if the reaper is the one that ended, the next one does, once it is reaped.
#[test]
fn subtle_28_the_original_parent_is_its_own_reaper() {
    check(
        "
        init fork r
        r reaper on
        r fork c
        init fork d
        d trace c
        exit r 0
        c getppid
        init wait r
        c getppid
        d untrace c
        exit c 4
        init wait any
    ",
        &expect![[r#"
            init fork r
              clone r pid 2 copy
              init fork: 2, then start r
            r reaper on
              r reaper: 0
            r fork c
              clone c pid 3 copy
              r fork: 3, then start c
            init fork d
              clone d pid 4 copy
              init fork: 4, then start d
            d trace c
              d trace: 0
            exit r 0
            c getppid
              c getppid: 2
            init wait r
              forget r
              init wait: 2 status 0x0000
            c getppid
              c getppid: 1
            d untrace c
              d untrace: 0
            exit c 4
            init wait any
              forget c
              init wait: 3 status 0x0400
        "#]],
    );
}

/// 2.1/13, 2.1/16, subtle 31: closing the descriptor of a tracee moves only the original parent.
#[test]
fn subtle_31_last_close_of_a_tracee() {
    check(
        "
        init fork p
        p pdfork a
        p trace a
        p wait any nohang
        init fork d
        p pdfork b
        d trace b
        close b
        b getppid
        killed b 9
        d wait any
        init wait b
        exit a 0
        p wait any
        close a
        list
    ",
        &expect![[r#"
            init fork p
              clone p pid 2 copy
              init fork: 2, then start p
            p pdfork a
              clone a pid 3 copy
              p pdfork: 3 + descriptor, then start a
            p trace a
              p trace: 0
            p wait any nohang
              p wait: 0
            init fork d
              clone d pid 4 copy
              init fork: 4, then start d
            p pdfork b
              clone b pid 5 copy
              p pdfork: 5 + descriptor, then start b
            d trace b
              d trace: 0
            close b
              kill b 9
            b getppid
              b getppid: ESRCH
            killed b 9
            d wait any
              d wait: 5 status 0x0009
            init wait b
              forget b
              init wait: 5 status 0x0009
            exit a 0
            p wait any
              p wait: ECHILD
            close a
              forget a
            list
              1 init parent 0 group 1 session 1 Running
              2 init parent 1 group 1 session 1 Running
              4 init parent 1 group 1 session 1 Running
        "#]],
    );
}
