//! Reapers other than init.

use super::script::check;
use expect_test::expect;

/// 2.4/1, 2.4/2: becoming and ceasing.
#[test]
fn rule_2_4_1_acquire_and_release() {
    check(
        "
        init reaper on
        init reaper off
        init fork r
        r reaper off
        r reaper on
        r reaper on
        r reaper off
    ",
        &expect![[r#"
            init reaper on
              init reaper: EBUSY
            init reaper off
              init reaper: EINVAL
            init fork r
              clone r pid 2 copy
              init fork: 2, then start r
            r reaper off
              r reaper: EINVAL
            r reaper on
              r reaper: 0
            r reaper on
              r reaper: EBUSY
            r reaper off
              r reaper: 0
        "#]],
    );
}

/// Rules 88, 93, 2.4/2, subtle 33: orphans go to the nearest reaper at their birth.
#[test]
fn rule_88_orphans_go_to_their_reaper() {
    check(
        "
        init fork r
        r fork old
        old fork older
        r reaper on
        r fork p
        p fork c
        exit p 0
        c getppid
        exit old 0
        older getppid
        r wait any
        r wait any
        r wait any nohang
    ",
        &expect![[r#"
            init fork r
              clone r pid 2 copy
              init fork: 2, then start r
            r fork old
              clone old pid 3 copy
              r fork: 3, then start old
            old fork older
              clone older pid 4 copy
              old fork: 4, then start older
            r reaper on
              r reaper: 0
            r fork p
              clone p pid 5 copy
              r fork: 5, then start p
            p fork c
              clone c pid 6 copy
              p fork: 6, then start c
            exit p 0
            c getppid
              c getppid: 2
            exit old 0
            older getppid
              older getppid: 1
            r wait any
              forget p
              r wait: 5 status 0x0000
            r wait any
              forget old
              r wait: 3 status 0x0000
            r wait any nohang
              r wait: 0
        "#]],
    );
}

/// 2.4/7, subtle 32: a dead reaper keeps what it has until it is reaped; then all move on, zombies
/// too, and a blocked wait hears of them.
#[test]
fn subtle_32_reaper_exit_moves_nothing_and_reap_moves_all() {
    check(
        "
        init fork s
        s reaper on
        s fork r
        r reaper on
        r fork c
        c fork g
        g fork h
        exit r 0
        c getppid
        exit g 0
        h getppid
        exit h 7
        exit c 0
        list
        s wait r
        list
        s wait any
        s wait any
        s wait any
    ",
        &expect![[r#"
            init fork s
              clone s pid 2 copy
              init fork: 2, then start s
            s reaper on
              s reaper: 0
            s fork r
              clone r pid 3 copy
              s fork: 3, then start r
            r reaper on
              r reaper: 0
            r fork c
              clone c pid 4 copy
              r fork: 4, then start c
            c fork g
              clone g pid 5 copy
              c fork: 5, then start g
            g fork h
              clone h pid 6 copy
              g fork: 6, then start h
            exit r 0
            c getppid
              c getppid: 3
            exit g 0
            h getppid
              h getppid: 3
            exit h 7
            exit c 0
            list
              1 init parent 0 group 1 session 1 Running
              2 init parent 1 group 1 session 1 Running
              3 init parent 2 group 1 session 1 Zombie
              4 init parent 3 group 1 session 1 Zombie
              5 init parent 3 group 1 session 1 Zombie
              6 init parent 3 group 1 session 1 Zombie
            s wait r
              forget r
              s wait: 3 status 0x0000
            list
              1 init parent 0 group 1 session 1 Running
              2 init parent 1 group 1 session 1 Running
              4 init parent 2 group 1 session 1 Zombie
              5 init parent 2 group 1 session 1 Zombie
              6 init parent 2 group 1 session 1 Zombie
            s wait any
              forget c
              s wait: 4 status 0x0000
            s wait any
              forget h
              s wait: 6 status 0x0700
            s wait any
              forget g
              s wait: 5 status 0x0000
        "#]],
    );
}

/// Subtle 32: the wait that is blocked when the dead reaper is reaped is answered.
#[test]
fn subtle_32_a_blocked_wait_hears_of_moved_zombies() {
    check(
        "
        init fork s
        s fork t
        t fork r
        r reaper on
        r fork z
        exit r 0
        exit z 5
        init wait any
        t wait r
        list
    ",
        &expect![[r#"
            init fork s
              clone s pid 2 copy
              init fork: 2, then start s
            s fork t
              clone t pid 3 copy
              s fork: 3, then start t
            t fork r
              clone r pid 4 copy
              t fork: 4, then start r
            r reaper on
              r reaper: 0
            r fork z
              clone z pid 5 copy
              r fork: 5, then start z
            exit r 0
            exit z 5
            init wait any
            t wait r
              forget r
              t wait: 4 status 0x0000
              forget z
              init wait: 5 status 0x0500
            list
              1 init parent 0 group 1 session 1 Running
              2 init parent 1 group 1 session 1 Running
              3 init parent 2 group 1 session 1 Running
        "#]],
    );
}

/// 2.4/7, subtle 33: release gives descendants away, but not children.
#[test]
fn subtle_33_release_keeps_children() {
    check(
        "
        init fork r
        r reaper on
        r fork c
        c fork g
        r reaper off
        c getppid
        exit c 0
        g getppid
        r wait any
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
            c fork g
              clone g pid 4 copy
              c fork: 4, then start g
            r reaper off
              r reaper: 0
            c getppid
              c getppid: 2
            exit c 0
            g getppid
              g getppid: 1
            r wait any
              forget c
              r wait: 3 status 0x0000
        "#]],
    );
}

/// Rules 51, 56, 93, subtle 5: the number of a subtree is kept while it has members.
#[test]
fn subtle_5_a_subtree_keeps_its_number() {
    use tine_process_model::Config;
    let config = Config { pid_max: Some(8), ..Config::DEFAULT };
    super::script::check_with(
        config,
        "
        init fork r
        r reaper on
        r fork a
        a fork b
        exit a 0
        r wait a
        r fork c
        r fork d
        r fork e
        r fork f
        last
        exit b 0
        r wait b
        r fork g
        last
        r fork h
        last
    ",
        &expect![[r#"
            init fork r
              clone r pid 2 copy
              init fork: 2, then start r
            r reaper on
              r reaper: 0
            r fork a
              clone a pid 3 copy
              r fork: 3, then start a
            a fork b
              clone b pid 4 copy
              a fork: 4, then start b
            exit a 0
            r wait a
              forget a
              r wait: 3 status 0x0000
            r fork c
              clone c pid 5 copy
              r fork: 5, then start c
            r fork d
              clone d pid 6 copy
              r fork: 6, then start d
            r fork e
              clone e pid 7 copy
              r fork: 7, then start e
            r fork f
              timer at 500000001
            last
              7
            exit b 0
            r wait b
              forget b
              r wait: 4 status 0x0000
            r fork g
              clone g pid 3 copy
              r fork: 3, then start g
            last
              3
            r fork h
              clone h pid 4 copy
              r fork: 4, then start h
            last
              4
        "#]],
    );
}
