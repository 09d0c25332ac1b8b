/** Headers of the users and access lists of ACL 2.0, and of the accounts of ACL 1.0. Field names are Apache's. */
import { defaulted, type HeaderCodec, header, optional, required } from "../header.ts";

export interface CreateAclRequestHeader {
  /** `User:name`. */
  subject?: string | undefined;
}
export const createAclRequestHeader: HeaderCodec<CreateAclRequestHeader> = header<CreateAclRequestHeader>(
  "CreateAclRequestHeader",
  {
    subject: optional.string,
  },
);

export interface CreateUserRequestHeader {
  /** User name. */
  username?: string | undefined;
}
export const createUserRequestHeader: HeaderCodec<CreateUserRequestHeader> = header<CreateUserRequestHeader>(
  "CreateUserRequestHeader",
  {
    username: optional.string,
  },
);

export interface DeleteAclRequestHeader {
  /** `User:name`. */
  subject?: string | undefined;
  /** CUSTOM or DEFAULT. */
  policyType?: string | undefined;
  /** `Topic:name`, `Group:name` or a pattern. */
  resource?: string | undefined;
}
export const deleteAclRequestHeader: HeaderCodec<DeleteAclRequestHeader> = header<DeleteAclRequestHeader>(
  "DeleteAclRequestHeader",
  {
    subject: optional.string,
    policyType: optional.string,
    resource: optional.string,
  },
);

export interface DeleteUserRequestHeader {
  /** User name. */
  username?: string | undefined;
}
export const deleteUserRequestHeader: HeaderCodec<DeleteUserRequestHeader> = header<DeleteUserRequestHeader>(
  "DeleteUserRequestHeader",
  {
    username: optional.string,
  },
);

export interface GetAclRequestHeader {
  /** `User:name`. */
  subject?: string | undefined;
}
export const getAclRequestHeader: HeaderCodec<GetAclRequestHeader> = header<GetAclRequestHeader>("GetAclRequestHeader", {
  subject: optional.string,
});

export interface GetUserRequestHeader {
  /** User name. */
  username?: string | undefined;
}
export const getUserRequestHeader: HeaderCodec<GetUserRequestHeader> = header<GetUserRequestHeader>("GetUserRequestHeader", {
  username: optional.string,
});

export interface ListAclsRequestHeader {
  /** Text that the subject contains. */
  subjectFilter?: string | undefined;
  /** Text that the resource contains. */
  resourceFilter?: string | undefined;
}
export const listAclsRequestHeader: HeaderCodec<ListAclsRequestHeader> = header<ListAclsRequestHeader>("ListAclsRequestHeader", {
  subjectFilter: optional.string,
  resourceFilter: optional.string,
});

export interface ListUsersRequestHeader {
  /** Text that the name contains. */
  filter?: string | undefined;
}
export const listUsersRequestHeader: HeaderCodec<ListUsersRequestHeader> = header<ListUsersRequestHeader>(
  "ListUsersRequestHeader",
  {
    filter: optional.string,
  },
);

export interface UpdateAclRequestHeader {
  /** `User:name`. */
  subject?: string | undefined;
}
export const updateAclRequestHeader: HeaderCodec<UpdateAclRequestHeader> = header<UpdateAclRequestHeader>(
  "UpdateAclRequestHeader",
  {
    subject: optional.string,
  },
);

export interface UpdateUserRequestHeader {
  /** User name. */
  username?: string | undefined;
}
export const updateUserRequestHeader: HeaderCodec<UpdateUserRequestHeader> = header<UpdateUserRequestHeader>(
  "UpdateUserRequestHeader",
  {
    username: optional.string,
  },
);

// ------------------------------------------------------------------------------ ACL 1.0, as in 5.3.2, the last to have it

/** What Apache declares as required it does not miss: absent keys are answered as short ones. */
export interface CreateAccessConfigRequestHeader {
  accessKey?: string | undefined;
  secretKey?: string | undefined;
  whiteRemoteAddress?: string | undefined;
  /** Replaces what is there also when it is not sent. */
  admin: boolean;
  /** DENY, PUB, SUB, PUB|SUB. */
  defaultTopicPerm?: string | undefined;
  defaultGroupPerm?: string | undefined;
  /** `name=PERM,name=PERM`. */
  topicPerms?: string | undefined;
  groupPerms?: string | undefined;
}
export const createAccessConfigRequestHeader: HeaderCodec<CreateAccessConfigRequestHeader> =
  header<CreateAccessConfigRequestHeader>("CreateAccessConfigRequestHeader", {
    accessKey: optional.string,
    secretKey: optional.string,
    whiteRemoteAddress: optional.string,
    admin: defaulted.boolean(false),
    defaultTopicPerm: optional.string,
    defaultGroupPerm: optional.string,
    topicPerms: optional.string,
    groupPerms: optional.string,
  });

export interface DeleteAccessConfigRequestHeader {
  accessKey?: string | undefined;
}
export const deleteAccessConfigRequestHeader: HeaderCodec<DeleteAccessConfigRequestHeader> =
  header<DeleteAccessConfigRequestHeader>("DeleteAccessConfigRequestHeader", { accessKey: optional.string });

export interface UpdateGlobalWhiteAddrsConfigRequestHeader {
  /** Separated by commas. */
  globalWhiteAddrs: string;
  /** Whole path; empty: plain_acl.yml. mqadmin of 4.9 does not send it. */
  aclFileFullPath?: string | undefined;
}
export const updateGlobalWhiteAddrsConfigRequestHeader: HeaderCodec<UpdateGlobalWhiteAddrsConfigRequestHeader> =
  header<UpdateGlobalWhiteAddrsConfigRequestHeader>("UpdateGlobalWhiteAddrsConfigRequestHeader", {
    globalWhiteAddrs: required.string,
    aclFileFullPath: optional.string,
  });

export interface GetBrokerAclConfigResponseHeader {
  /** DataVersion of plain_acl.yml, as JSON. */
  version: string;
  /** DataVersion by path of the file, as JSON. */
  allAclFileVersion?: string | undefined;
  brokerName: string;
  brokerAddr: string;
  clusterName: string;
}
export const getBrokerAclConfigResponseHeader: HeaderCodec<GetBrokerAclConfigResponseHeader> =
  header<GetBrokerAclConfigResponseHeader>("GetBrokerAclConfigResponseHeader", {
    version: required.string,
    allAclFileVersion: optional.string,
    brokerName: required.string,
    brokerAddr: required.string,
    clusterName: required.string,
  });
