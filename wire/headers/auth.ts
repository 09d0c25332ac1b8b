/** Headers of the users and access lists of ACL 2.0. Field names are Apache's. */
import { type HeaderCodec, header, optional } from "../header.ts";

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
