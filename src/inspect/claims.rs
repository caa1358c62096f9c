//! What status columns say of instances, read and held against the log.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::absent::Of;
use crate::definition::saga::Saga;
use crate::finding::SubjectKind;
use crate::inspect::RunError;
use crate::inspect::run::Run;
use crate::inspect::tally::Tally;
use crate::rules::case::{Claim, Claimed};
use crate::rules::false_claim;
use crate::texts::named;

/// About how many bytes a claim takes beside its texts.
const CLAIM: u64 = 96;

const RULE: &str = false_claim::INFO.name;

/// Status columns, by saga index and correlation value.
pub(super) type ClaimTable = Vec<ClaimsOfSaga>;
/// By correlation value, what it is taken for and how it is written.
type ClaimsOfSaga = HashMap<String, Stated, FixedState>;
/// What a status is taken for, if that can be told, and how it is written.
pub(super) type Stated = (Option<Claimed>, String);

impl Run<'_> {
    /// Reads the status columns, or what they say of one instance, as far as that is kept in so many
    /// bytes; how many all of it takes is [`Run::claimed`].
    pub(super) fn read_claims(&mut self, only: Option<&str>, most: u64) -> Result<(), RunError> {
        self.forget_claims();
        let Some(share) = self.share_of_instances() else {
            return Ok(());
        };
        for (index, claims) in self.definition.claims.iter().enumerate() {
            let Some(saga) = self
                .scope
                .sagas
                .iter()
                .position(|saga| saga.name == claims.saga)
            else {
                continue;
            };
            let says = |words: &[String], status: &String| words.contains(status);
            let (own, claimed) = (&mut self.claims[saga], &mut self.claimed);
            self.log.claims(index, only, &mut |row| {
                if !share.has_key(&row.id) || named(Some(&row.id)).is_none() {
                    return;
                }
                *claimed += (row.id.len() + row.status.len()) as u64 + CLAIM;
                if *claimed > most {
                    return;
                }
                let meaning = if says(&claims.completed, &row.status) {
                    Some(Claimed::Completed)
                } else if says(&claims.compensated, &row.status) {
                    Some(Claimed::Compensated)
                } else if says(&claims.running, &row.status) {
                    Some(Claimed::Running)
                } else {
                    None
                };
                match own.entry(row.id) {
                    Entry::Vacant(place) => _ = place.insert((meaning, row.status)),
                    Entry::Occupied(mut known) if known.get().0 != meaning => {
                        let text = format!("{} and {}", known.get().1, row.status);
                        known.insert((None, text));
                    }
                    Entry::Occupied(_) => {}
                }
            })?;
        }
        Ok(())
    }

    pub(super) fn forget_claims(&mut self) {
        self.claims
            .iter_mut()
            .for_each(|claims| *claims = HashMap::default());
        self.claimed = 0;
    }

    /// By saga, whether its status columns are mapped and cannot be held against the log, since they
    /// tell of now and the log is judged as it stood before.
    pub(super) fn uncompared(&self) -> Vec<bool> {
        let maps = |saga: &Arc<Saga>| {
            let mut claims = self.definition.claims.iter();
            claims.any(|claims| claims.saga == saga.name)
        };
        let is_whole = self.is_whole();
        let sagas = self.scope.sagas.iter();
        sagas.map(|saga| !is_whole && maps(saga)).collect()
    }

    /// Judges what is claimed of instances of which the log holds no event. That one runs may be: its
    /// first event is still to come.
    pub(super) fn unseen(&mut self, tally: &mut Tally) {
        if !tally.wants(RULE) {
            return;
        }
        let gathered = &self.gathered;
        for (index, claims) in self.claims.iter().enumerate() {
            let saga = &self.scope.sagas[index].name;
            let is_wanted = |id: &String| {
                let only = &self.options.instances;
                (only.is_empty() || only.contains(id))
                    && !gathered.instances.knows(index as u16, id)
            };
            let unseen = claims.iter().filter(|(id, _)| is_wanted(id));
            let mut unseen: Vec<(&String, &Stated)> = unseen.collect();
            unseen.sort_unstable_by_key(|(id, _)| *id);
            if !unseen.is_empty() {
                tally.checked(RULE, unseen.len() as u64);
            }
            let hidden = gathered.absent.of(Of::Saga(index as u16));
            let may_be_hidden = |id: &str| self.definition.cut || hidden.has(id);
            let mut astray = self.sum.astray.get_mut(&index);
            if let Some(astray) = &mut astray {
                astray.beside(RULE, unseen.len() as u64);
            }
            let mut unknown = 0;
            for (id, (claimed, status)) in unseen {
                match claimed {
                    None => {
                        unknown += 1;
                        let remark = strange(saga, status);
                        self.sum.statuses.insert(remark);
                    }
                    Some(Claimed::Running) => {}
                    Some(_) if may_be_hidden(id) => unknown += 1,
                    Some(_) => {
                        let message = format!("status {status}, but the log holds no event of it");
                        let kind = SubjectKind::Instance;
                        let finding = false_claim::INFO.finding(kind, saga, id.clone(), message);
                        match &mut astray {
                            Some(astray) => astray.take(vec![finding]),
                            None => self.findings.push(finding),
                        }
                    }
                }
            }
            tally.unknown(RULE, unknown);
            if let Some(astray) = &mut astray {
                astray.unknown(RULE, unknown);
            }
        }
    }
}

/// That a status is none of those that the definition of a saga knows, in words.
pub(super) fn strange(saga: &str, status: &str) -> String {
    format!("saga {saga}: it cannot be told what the status `{status}` claims")
}

pub(super) fn claim_of<'c>(claims: &'c ClaimTable, saga: usize, id: &str) -> Option<Claim<'c>> {
    let (claimed, text) = claims.get(saga)?.get(id)?;
    claimed.map(|claimed| Claim { claimed, text })
}
