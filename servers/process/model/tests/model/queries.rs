//! Lists and small questions.

use super::script::{Bed, check};
use expect_test::expect;
use tine_abi::protocol::process::{Record, State};
use tine_process_model::{Config, Page};

#[test]
fn small_questions() {
    check(
        "
        init getpid
        init getppid
        init user
        init fork a
        a user 7
        a user
        a limit user
        a limit user 3
        a limit user 4
        a limit user
        a limit system
        a limit system 9
        init limit system 4294967296
        init limit user 4294967295
        a watch 1
    ",
        &expect![[r#"
            init getpid
              init getpid: 1
            init getppid
              init getppid: 0
            init user
              init user: 0
            init fork a
              clone a pid 2 copy
              init fork: 2, then start a
            a user 7
              a user: 0
            a user
              a user: 7
            a limit user
              a limit: 4000 used 1
            a limit user 3
              a limit: 0 used 0
            a limit user 4
              a limit: EPERM
            a limit user
              a limit: 3 used 1
            a limit system
              a limit: 4096 used 2
            a limit system 9
              a limit: EPERM
            init limit system 4294967296
              init limit: EINVAL
            init limit user 4294967295
              init limit: 0 used 0
            a watch 1
              forget watch 1
              a watch: EBADF
        "#]],
    );
}

/// Pages follow each other without holes, in the order of pids.
#[test]
fn lists_come_in_pages() {
    let mut bed = Bed::new(Config::DEFAULT);
    let script: String = (0..10).map(|number| format!("init fork p{number}\n")).collect();
    bed.run(&script);
    bed.run("exit p3 0\ninit wait p3\nexit p4 0\np5 vfork v");
    let all = bed.records();
    let mut paged: Vec<Record> = Vec::new();
    let mut from = Some(0);
    while let Some(first) = from {
        let mut page = [all[0]; 3];
        let Page { filled, next } = bed.model.list(first, &mut page);
        paged.extend(&page[..filled]);
        from = next;
    }
    assert_eq!(paged, all);
    let pids: Vec<_> = all.iter().map(|record| record.pid).collect();
    assert_eq!(pids, [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12]);
    assert_eq!(all[4].state, State::Zombie);
    assert_eq!(all[5].state, State::VforkWait);
    assert_eq!(bed.model.list(2, &mut []), Page { filled: 0, next: Some(2) });
    assert_eq!(bed.model.find(6), Some(bed.process("p4")));
    assert_eq!(bed.model.find(5), None);
}
