"""Secrets Manager and SSM of the local cloud, driven by boto3 and held against the models."""

import sys

from conform import client, finish, refused

port = sys.argv[1]
secrets, ssm = client("secretsmanager", port), client("ssm", port)

# Secrets Manager
made = secrets.create_secret(Name="shop/db", Description="d", SecretString='{"password": "one"}', Tags=[{"Key": "k", "Value": "v"}])
refused("ResourceExistsException", secrets.create_secret, Name="shop/db", SecretString="x")
refused("ResourceNotFoundException", secrets.get_secret_value, SecretId="shop")
assert secrets.get_secret_value(SecretId=made["ARN"])["SecretString"] == '{"password": "one"}'
secrets.put_secret_value(SecretId="shop/db", SecretString="two")
assert secrets.get_secret_value(SecretId="shop/db", VersionStage="AWSPREVIOUS")["VersionId"] == made["VersionId"]
secrets.update_secret(SecretId="shop/db", SecretBinary=b"\0\1")
assert secrets.get_secret_value(SecretId="shop/db")["SecretBinary"] == b"\0\1"
secrets.tag_resource(SecretId="shop/db", Tags=[{"Key": "l", "Value": "w"}])
secrets.untag_resource(SecretId="shop/db", TagKeys=["k"])
described = secrets.describe_secret(SecretId="shop/db")
assert described["Tags"] == [{"Key": "l", "Value": "w"}] and len(described["VersionIdsToStages"]) == 2
secrets.create_secret(Name="other", SecretString="x")
pages = list(secrets.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 1}))
assert [page["SecretList"][0]["Name"] for page in pages] == ["shop/db", "other"]
assert not secrets.list_secrets(Filters=[{"Key": "name", "Values": ["none"]}])["SecretList"]
secrets.delete_secret(SecretId="shop/db")
refused("InvalidRequestException", secrets.get_secret_value, SecretId="shop/db")
refused("InvalidRequestException", secrets.create_secret, Name="shop/db", SecretString="x")
secrets.restore_secret(SecretId="shop/db")
secrets.delete_secret(SecretId="shop/db", ForceDeleteWithoutRecovery=True)
refused("ResourceNotFoundException", secrets.describe_secret, SecretId="shop/db")

# SSM
assert ssm.put_parameter(Name="/shop/db/password", Value="one", Type="SecureString", Tags=[{"Key": "k", "Value": "v"}])["Version"] == 1
refused("ParameterAlreadyExists", ssm.put_parameter, Name="/shop/db/password", Value="x", Type="String")
assert ssm.put_parameter(Name="/shop/db/password", Value="two", Overwrite=True)["Version"] == 2
refused("ValidationException", ssm.put_parameter, Name="shop/db", Value="x", Type="String")
assert ssm.get_parameter(Name="/shop/db/password", WithDecryption=True)["Parameter"]["Value"] == "two"
assert ssm.get_parameter(Name="/shop/db/password:1", WithDecryption=True)["Parameter"]["Value"] == "one"
assert ssm.get_parameter(Name="/shop/db/password")["Parameter"]["Value"] not in ("one", "two")
refused("ParameterNotFound", ssm.get_parameter, Name="/shop")
refused("ParameterVersionNotFound", ssm.get_parameter, Name="/shop/db/password:9")
for at in range(12):
    ssm.put_parameter(Name=f"/shop/list/{at}", Value="x", Type="String", Description="d")
found = ssm.get_parameters(Names=["/shop/list/1", "/none"])
assert len(found["Parameters"]) == 1 and found["InvalidParameters"] == ["/none"]
pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/shop", Recursive=True, WithDecryption=True)
assert sum(len(page["Parameters"]) for page in pages) == 13
filters = [{"Key": "Path", "Option": "OneLevel", "Values": ["/shop/list"]}]
pages = ssm.get_paginator("describe_parameters").paginate(ParameterFilters=filters, PaginationConfig={"PageSize": 5})
assert sum(len(page["Parameters"]) for page in pages) == 12
ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId="/shop/db/password", Tags=[{"Key": "l", "Value": "w"}])
ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId="/shop/db/password", TagKeys=["k"])
assert ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/shop/db/password")["TagList"] == [{"Key": "l", "Value": "w"}]
ssm.delete_parameter(Name="/shop/db/password")
refused("ParameterNotFound", ssm.delete_parameter, Name="/shop/db/password")
assert ssm.delete_parameters(Names=["/shop/list/1", "/none"])["InvalidParameters"] == ["/none"]

finish()
