"""Secrets Manager, SSM, IAM, SNS and CloudWatch of the local cloud, driven by boto3 and held against the models."""

import json
import sys
import urllib.error
import urllib.request

from conform import client, finish, refused

port = sys.argv[1]
secrets, ssm, iam = (client(name, port) for name in ("secretsmanager", "ssm", "iam"))
sns, watch = client("sns", port), client("cloudwatch", port)

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

# IAM
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
bound = "arn:aws:iam::aws:policy/PowerUserAccess"
role = iam.create_role(RoleName="web", Path="/shop/", AssumeRolePolicyDocument=json.dumps(trust), PermissionsBoundary=bound, Tags=[{"Key": "k", "Value": "v"}])["Role"]
assert role["Arn"] == "arn:aws:iam::123456789012:role/shop/web" and role["AssumeRolePolicyDocument"] == trust
refused("EntityAlreadyExists", iam.create_role, RoleName="WEB", AssumeRolePolicyDocument=json.dumps(trust))
refused("MalformedPolicyDocument", iam.create_role, RoleName="x", AssumeRolePolicyDocument="{}")
assert iam.get_role(RoleName="web")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == bound
iam.delete_role_permissions_boundary(RoleName="web")
iam.put_role_permissions_boundary(RoleName="web", PermissionsBoundary=bound)
refused("NoSuchEntity", iam.put_role_permissions_boundary, RoleName="web", PermissionsBoundary="arn:aws:iam::123456789012:policy/none")
iam.update_role(RoleName="web", Description="d", MaxSessionDuration=7200)
iam.update_assume_role_policy(RoleName="web", PolicyDocument=json.dumps(trust))
policy = iam.create_policy(PolicyName="mine", PolicyDocument=json.dumps(trust), Description="d")["Policy"]["Arn"]
refused("EntityAlreadyExists", iam.create_policy, PolicyName="mine", PolicyDocument=json.dumps(trust))
for arn in (policy, "arn:aws:iam::aws:policy/service-role/AWSElasticBeanstalkEnhancedHealth"):
    iam.attach_role_policy(RoleName="web", PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] >= 1
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["IsDefaultVersion"]
refused("NoSuchEntity", iam.attach_role_policy, RoleName="web", PolicyArn="arn:aws:iam::123456789012:policy/none")
assert [p["PolicyName"] for p in iam.list_policies(Scope="Local")["Policies"]] == ["mine"]
assert len(iam.list_attached_role_policies(RoleName="web")["AttachedPolicies"]) == 2
refused("DeleteConflict", iam.delete_policy, PolicyArn=policy)
iam.put_role_policy(RoleName="web", PolicyName="in", PolicyDocument=json.dumps(trust))
assert iam.get_role_policy(RoleName="web", PolicyName="in")["PolicyDocument"] == trust
assert iam.list_role_policies(RoleName="web")["PolicyNames"] == ["in"]
iam.tag_role(RoleName="web", Tags=[{"Key": "l", "Value": "w"}])
iam.untag_role(RoleName="web", TagKeys=["k"])
assert iam.list_role_tags(RoleName="web")["Tags"] == [{"Key": "l", "Value": "w"}]
iam.create_instance_profile(InstanceProfileName="p", Tags=[{"Key": "k", "Value": "v"}])
iam.get_waiter("instance_profile_exists").wait(InstanceProfileName="p")
iam.tag_instance_profile(InstanceProfileName="p", Tags=[{"Key": "l", "Value": "w"}])
iam.untag_instance_profile(InstanceProfileName="p", TagKeys=["k"])
assert iam.list_instance_profile_tags(InstanceProfileName="p")["Tags"] == [{"Key": "l", "Value": "w"}]
iam.add_role_to_instance_profile(InstanceProfileName="p", RoleName="web")
refused("LimitExceeded", iam.add_role_to_instance_profile, InstanceProfileName="p", RoleName="web")
assert iam.list_instance_profiles_for_role(RoleName="web")["InstanceProfiles"][0]["Roles"][0]["RoleName"] == "web"
assert iam.get_paginator("list_roles").paginate(PathPrefix="/shop/").build_full_result()["Roles"]
refused("DeleteConflict", iam.delete_role, RoleName="web")
refused("DeleteConflict", iam.delete_instance_profile, InstanceProfileName="p")
iam.remove_role_from_instance_profile(InstanceProfileName="p", RoleName="web")
iam.delete_instance_profile(InstanceProfileName="p")
for attached in iam.list_attached_role_policies(RoleName="web")["AttachedPolicies"]:
    iam.detach_role_policy(RoleName="web", PolicyArn=attached["PolicyArn"])
iam.delete_role_policy(RoleName="web", PolicyName="in")
iam.delete_policy(PolicyArn=policy)
iam.delete_role(RoleName="web")
refused("NoSuchEntity", iam.get_role, RoleName="web")

# SNS
topic = sns.create_topic(Name="alerts", Attributes={"DisplayName": "Shop"}, Tags=[{"Key": "k", "Value": "v"}])["TopicArn"]
assert sns.create_topic(Name="alerts")["TopicArn"] == topic
refused("InvalidParameter", sns.create_topic, Name="alerts", Tags=[{"Key": "k", "Value": "w"}])
refused("InvalidParameter", sns.create_topic, Name="a b")
refused("NotFound", sns.get_topic_attributes, TopicArn=topic + "x")
sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="The shop")
refused("InvalidParameter", sns.set_topic_attributes, TopicArn=topic, AttributeName="Colour", AttributeValue="red")
assert sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.com")["SubscriptionArn"] == "pending confirmation"
hidden = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.com", ReturnSubscriptionArn=True)["SubscriptionArn"]
queue = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:q")["SubscriptionArn"]
refused("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="https", Endpoint="ftp://x")
refused("InvalidParameter", sns.subscribe, TopicArn=topic, Protocol="pigeon", Endpoint="x")
found = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
assert [one["SubscriptionArn"] for one in found] == ["PendingConfirmation", queue]
refused("InvalidParameter", sns.unsubscribe, SubscriptionArn="PendingConfirmation")
assert sns.get_subscription_attributes(SubscriptionArn=hidden)["Attributes"]["PendingConfirmation"] == "true"
assert sns.confirm_subscription(TopicArn=topic, Token=hidden)["SubscriptionArn"] == hidden
counted = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
assert (counted["SubscriptionsConfirmed"], counted["SubscriptionsPending"], counted["DisplayName"]) == ("2", "0", "The shop")
sns.unsubscribe(SubscriptionArn=queue)
assert len(sns.list_subscriptions()["Subscriptions"]) == 1 and sns.list_topics()["Topics"] == [{"TopicArn": topic}]
sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "l", "Value": "w"}])
sns.untag_resource(ResourceArn=topic, TagKeys=["k"])
assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "l", "Value": "w"}]
refused("ResourceNotFound", sns.list_tags_for_resource, ResourceArn=topic + "x")
assert sns.publish(TopicArn=topic, Message="hello")["MessageId"]

# CloudWatch, by CBOR as boto3 does
alarm = dict(
    AlarmName="slow", MetricName="TargetResponseTime", Namespace="AWS/ApplicationELB", ExtendedStatistic="p99", Period=60,
    EvaluationPeriods=5, DatapointsToAlarm=3, Threshold=0.5, ComparisonOperator="GreaterThanThreshold", AlarmActions=[topic],
    Dimensions=[{"Name": "LoadBalancer", "Value": "app/x/1"}],
)
watch.put_metric_alarm(**alarm, Tags=[{"Key": "k", "Value": "v"}])
described = watch.describe_alarms(AlarmNames=["slow"])["MetricAlarms"][0]
assert described["Threshold"] == 0.5 and described["StateValue"] == "INSUFFICIENT_DATA" and described["ActionsEnabled"]
watch.put_metric_alarm(**{**alarm, "Threshold": 2}, Tags=[{"Key": "other", "Value": "v"}])
arn = described["AlarmArn"]
assert watch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
watch.tag_resource(ResourceARN=arn, Tags=[{"Key": "l", "Value": "w"}])
watch.untag_resource(ResourceARN=arn, TagKeys=["k"])
assert watch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "l", "Value": "w"}]
refused("ResourceNotFoundException", watch.list_tags_for_resource, ResourceARN=arn + "x")
watch.set_alarm_state(AlarmName="slow", StateValue="ALARM", StateReason="a test")
assert watch.describe_alarms(StateValue="ALARM")["MetricAlarms"][0]["StateReason"] == "a test"
watch.disable_alarm_actions(AlarmNames=["slow"])
assert not watch.describe_alarms(AlarmNamePrefix="sl")["MetricAlarms"][0]["ActionsEnabled"]
watch.enable_alarm_actions(AlarmNames=["slow"])
refused("ResourceNotFound", watch.set_alarm_state, AlarmName="x", StateValue="OK", StateReason="r")
refused("ValidationError", watch.put_metric_alarm, **{**alarm, "Period": 45})
refused("ValidationError", watch.put_metric_alarm, **{**alarm, "AlarmActions": [topic.replace("us-east-1", "eu-west-1")]})
for at in range(3):
    watch.put_metric_alarm(**{**alarm, "AlarmName": f"a{at}"})
pages = watch.get_paginator("describe_alarms").paginate(PaginationConfig={"PageSize": 2})
assert sum(len(page["MetricAlarms"]) for page in pages) == 4
refused("ResourceNotFound", watch.delete_alarms, AlarmNames=["x"])
watch.delete_alarms(AlarmNames=["a0", "a1", "a2"])


def asked(body, **headers):
    """A request to CloudWatch in another of its protocols."""
    scope = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/monitoring/aws4_request, SignedHeaders=host, Signature=00"
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", body.encode(), {"Authorization": scope, **headers})
    try:
        return urllib.request.urlopen(request).read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


told = json.loads(asked('{"AlarmNames": ["slow"]}', **{"X-Amz-Target": "GraniteServiceVersion20100801.DescribeAlarms", "Content-Type": "application/x-amz-json-1.0"}))
assert told["MetricAlarms"][0]["Threshold"] == 2
form = {"Content-Type": "application/x-www-form-urlencoded"}
told = asked("Action=DescribeAlarms&Version=2010-08-01&AlarmNames.member.1=slow", **form)
assert "<DescribeAlarmsResult>" in told and "<MetricAlarms><member>" in told and "<AlarmName>slow</AlarmName>" in told
told = asked("Action=SetAlarmState&Version=2010-08-01&AlarmName=x&StateValue=OK&StateReason=r", **form)
assert "<Code>ResourceNotFound</Code>" in told
watch.delete_alarms(AlarmNames=["slow"])
sns.delete_topic(TopicArn=topic)
sns.delete_topic(TopicArn=topic)

finish()
